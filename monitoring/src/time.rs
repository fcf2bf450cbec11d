use std::time::{SystemTime, UNIX_EPOCH};

/// This machine's time as metrics have it: seconds since 1970-01-01 UTC.
#[must_use]
pub fn seconds_since_epoch() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs_f64()
}
