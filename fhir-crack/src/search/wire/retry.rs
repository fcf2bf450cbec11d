use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// When and how often a failed request is sent again.
///
/// The wait before attempt n+1 is a random time between nothing and `base × 2ⁿ⁻¹`, at most `cap` ("full jitter"), so
/// that clients that failed together do not come back together. A `Retry-After` of the server is the least wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Requests sent for one page at most, the first one counted.
    pub attempts: u32,
    /// Longest wait before the second attempt.
    pub base: Duration,
    /// Longest wait before any attempt.
    pub cap: Duration,
    /// Longest `Retry-After` that is obeyed; a longer one is cut to it, since clocks may be wrong by days.
    pub retry_after_cap: Duration,
    /// Time after the first request in which another attempt may begin.
    pub total: Duration,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            attempts: 7,
            base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            retry_after_cap: Duration::from_secs(300),
            total: Duration::from_secs(1800),
        }
    }
}

impl RetryPolicy {
    /// The wait after `attempt` failed ones, or `None` if there is no other attempt.
    pub(crate) fn wait(&self, attempt: u32, spent: Duration, asked: Option<Duration>) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let ceiling = self
            .base
            .saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1)))
            .min(self.cap);
        let jitter = ceiling.mul_f64(fraction());
        let wait = asked.map_or(jitter, |asked| asked.min(self.retry_after_cap).max(jitter));
        if spent.saturating_add(wait) > self.total {
            None
        } else {
            Some(wait)
        }
    }
}

/// Whether the status says that the same request may succeed later.
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// The wait that `Retry-After` asks for, in seconds or as a date.
///
/// A date is held against the answer's own `Date`, so a server whose clock is wrong still says how long, and against
/// our clock only where it sends none. A date in the past is no wait.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let now = headers
        .get(DATE)
        .and_then(|date| date.to_str().ok())
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or_else(SystemTime::now);
    Some(until.duration_since(now).unwrap_or_default())
}

/// A number from 0 up to 1. The standard library's hash keys are random, which is all that jitter needs.
fn fraction() -> f64 {
    let random = RandomState::new().hash_one(0u8) >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
    let fraction = random as f64 / (1u64 << 53) as f64;
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.insert(*name, value.parse().expect("value"));
        }
        map
    }

    #[test]
    fn retry_after_forms() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let later = "Sun, 06 Nov 1994 08:50:07 GMT";
        for (given, wait) in [
            (headers(&[]), None),
            (headers(&[("retry-after", "7")]), Some(7)),
            (headers(&[("retry-after", " 0 ")]), Some(0)),
            (headers(&[("retry-after", "soon")]), None),
            (headers(&[("retry-after", "-1")]), None),
            (headers(&[("retry-after", later), ("date", date)]), Some(30)),
            (headers(&[("retry-after", date), ("date", later)]), Some(0)),
            (headers(&[("retry-after", date)]), Some(0)),
        ] {
            assert_eq!(retry_after(&given), wait.map(Duration::from_secs), "{given:?}");
        }
    }

    #[test]
    fn waits_are_bounded() {
        let policy = RetryPolicy {
            attempts: 4,
            ..RetryPolicy::default()
        };
        for attempt in 1..4 {
            for _ in 0..50 {
                let wait = policy.wait(attempt, Duration::ZERO, None).expect("wait");
                assert!(wait <= Duration::from_secs(1 << (attempt - 1)));
            }
        }
        assert_eq!(policy.wait(4, Duration::ZERO, None), None);
        let asked = Some(Duration::from_secs(1_000_000));
        assert_eq!(
            policy.wait(1, Duration::ZERO, asked),
            Some(policy.retry_after_cap)
        );
        assert_eq!(policy.wait(1, policy.total, asked), None);
    }
}
