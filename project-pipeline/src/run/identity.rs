//! Ids of requests and jobs.

use sha2::{Digest, Sha256};

/// 16 letters and digits from a text: base 32 of the beginning of its SHA-256.
fn short(text: &str) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = Sha256::digest(text.as_bytes());
    hash.iter()
        .take(16)
        .map(|byte| char::from(LETTERS[usize::from(byte & 31)]))
        .collect()
}

/// The id of an action's job in a request.
pub(super) fn job(request: &str, action: &str) -> String {
    short(&format!("{request}\n{action}"))
}

/// A new id for a request.
pub(super) fn request(workspace: &str) -> String {
    let time = jiff::Timestamp::now().as_nanosecond();
    short(&format!("{workspace}\n{time}\n{}", std::process::id()))
}
