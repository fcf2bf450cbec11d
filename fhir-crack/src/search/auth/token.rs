use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::HeaderValue;
use serde::Deserialize;

use crate::search::secret::Secret;

/// An access token and when it has to be renewed.
pub(crate) struct Token {
    pub(crate) header: HeaderValue,
    /// From when on a new one is fetched.
    renew_at: Option<Instant>,
    /// From when on it is of no use.
    ends_at: Option<Instant>,
}

/// What a JWT says about its own end.
#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
}

impl Token {
    /// A token with its life time; without one, a token that is a JWT says itself when it ends.
    ///
    /// `None` where the text cannot be sent in a header.
    pub(crate) fn new(value: &Secret, life: Option<Duration>) -> Option<Token> {
        let mut header = HeaderValue::try_from(format!("Bearer {}", value.expose())).ok()?;
        if value.is_empty() {
            return None;
        }
        header.set_sensitive(true);
        let now = Instant::now();
        let life = life.or_else(|| life_of_jwt(value.expose()));
        // a tenth of its life, at most a minute, is left for requests under way and clocks that differ
        let margin = life.map(|life| (life / 10).min(Duration::from_secs(60)));
        let ends_at = life.and_then(|life| now.checked_add(life));
        let renew_at = ends_at
            .zip(margin)
            .and_then(|(end, margin)| end.checked_sub(margin));
        Some(Token {
            header,
            renew_at,
            ends_at,
        })
    }

    pub(crate) fn wants_renewal(&self) -> bool {
        self.renew_at.is_some_and(|at| Instant::now() >= at)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ends_at.is_some_and(|at| Instant::now() >= at)
    }
}

fn life_of_jwt(text: &str) -> Option<Duration> {
    let claims = text.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let end = UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(claims.exp?).ok()?)?;
    end.duration_since(SystemTime::now()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jwts_say_when_they_end() {
        let end = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("now")
            .as_secs()
            + 1000;
        let token = format!("x.{}.y", URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{end}}}")));
        let life = life_of_jwt(&token).expect("life");
        assert!(life > Duration::from_secs(990) && life <= Duration::from_secs(1000));
        for text in ["", "opaque", "a.b.c", "a.e30.c"] {
            assert!(life_of_jwt(text).is_none(), "{text}");
        }
    }

    #[test]
    fn renewed_before_the_end() {
        let value = Secret::new("t");
        let token = Token::new(&value, Some(Duration::ZERO)).expect("token");
        assert!(token.wants_renewal() && token.has_ended());
        let token = Token::new(&value, Some(Duration::from_secs(100))).expect("token");
        assert!(!token.wants_renewal() && !token.has_ended());
        assert!(!Token::new(&value, None).expect("token").wants_renewal());
        assert!(Token::new(&Secret::new(""), None).is_none());
        assert!(Token::new(&Secret::new("a\nb"), None).is_none());
    }
}
