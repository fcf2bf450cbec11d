//! Tokens that a form must bring back: only a page that this site made has them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// Name of the hidden field.
pub const FIELD: &str = "_token";
/// How long the token of a form without a session is taken, such as that of the log-in.
const ANONYMOUS: Duration = Duration::from_secs(3600);

/// Makes and tests tokens with a key of this process.
pub struct Tokens(hmac::Key);

impl Tokens {
    /// A new key.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new() -> std::io::Result<Self> {
        hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map(Self)
            .map_err(|_| no_randomness())
    }

    /// The token of a session.
    #[must_use]
    pub fn of(&self, session: &str) -> String {
        hex(hmac::sign(&self.0, format!("session {session}").as_bytes()).as_ref())
    }

    /// Whether this is the token of a session.
    #[must_use]
    pub fn is_of(&self, session: &str, token: &str) -> bool {
        self.verify(&format!("session {session}"), token)
    }

    /// A token for a form that needs no session.
    #[must_use]
    pub fn anonymous(&self) -> String {
        let now = seconds(SystemTime::now());
        let signed = hex(hmac::sign(&self.0, format!("form {now}").as_bytes()).as_ref());
        format!("{now}.{signed}")
    }

    /// Whether this is such a token, not older than an hour.
    #[must_use]
    pub fn is_anonymous(&self, token: &str) -> bool {
        let Some((made, signed)) = token.split_once('.') else {
            return false;
        };
        let Ok(moment) = made.parse::<u64>() else {
            return false;
        };
        let age = seconds(SystemTime::now()).checked_sub(moment);
        age.is_some_and(|age| age <= ANONYMOUS.as_secs()) && self.verify(&format!("form {made}"), signed)
    }

    fn verify(&self, text: &str, token: &str) -> bool {
        // In constant time.
        from_hex(token).is_some_and(|tag| hmac::verify(&self.0, text.as_bytes(), &tag).is_ok())
    }
}

impl std::fmt::Debug for Tokens {
    /// Leaves out the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

/// 256 random bits as text.
///
/// # Errors
/// When the system gives no random numbers.
pub(crate) fn random_id() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| no_randomness())?;
    Ok(hex(&bytes))
}

fn no_randomness() -> std::io::Error {
    std::io::Error::other("the system gives no random numbers")
}

fn seconds(moment: SystemTime) -> u64 {
    moment
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_belong_to_their_session_and_key() {
        let (tokens, others) = (Tokens::new().unwrap(), Tokens::new().unwrap());
        let token = tokens.of("a");
        assert!(tokens.is_of("a", &token));
        for wrong in ["", "zz", "0", "ä", &token[2..], &others.of("a"), &tokens.of("b")] {
            assert!(!tokens.is_of("a", wrong), "{wrong}");
        }
        let form = tokens.anonymous();
        assert!(tokens.is_anonymous(&form) && !others.is_anonymous(&form));
        let (made, signed) = form.split_once('.').unwrap();
        let later = made.parse::<u64>().unwrap() + 9;
        for wrong in [
            format!("{later}.{signed}"),
            format!("1.{signed}"),
            signed.to_owned(),
            ".".to_owned(),
        ] {
            assert!(!tokens.is_anonymous(&wrong));
        }
    }
}
