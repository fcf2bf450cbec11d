//! Who has logged in: kept in memory, gone with the process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use crate::Tokens;
use crate::token::random_id;

/// Most sessions at the same time; the one idle longest gives way.
const MOST: usize = 1000;

/// When sessions end.
#[derive(Debug, Clone, Copy)]
pub struct SessionTimes {
    /// After so long without a request.
    pub idle: Duration,
    /// After so long in any case.
    pub whole: Duration,
}

impl Default for SessionTimes {
    /// Half an hour without a request, twelve hours in any case.
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30 * 60),
            whole: Duration::from_secs(12 * 3600),
        }
    }
}

/// One session, as handlers see it.
#[derive(Clone)]
pub struct Session<U> {
    /// Its id, as the cookie has it.
    pub id: String,
    /// The token that its forms bring back.
    pub token: String,
    /// Who it is.
    pub user: U,
}

impl<U> std::fmt::Debug for Session<U> {
    /// Leaves out everything.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

struct Kept<U> {
    user: U,
    begun: Instant,
    used: Instant,
}

/// All sessions of a site.
pub struct Sessions<U> {
    kept: Mutex<HashMap<String, Kept<U>>>,
    times: SessionTimes,
    tokens: Tokens,
    secure: bool,
}

impl<U: Clone> Sessions<U> {
    /// No sessions. `secure` where browsers reach the site by HTTPS: then its cookie never travels otherwise.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(times: SessionTimes, secure: bool) -> std::io::Result<Self> {
        Ok(Self {
            kept: Mutex::default(),
            times,
            tokens: Tokens::new()?,
            secure,
        })
    }

    /// The tokens of its forms.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Begins a session with a new id; what is returned is the value of `Set-Cookie`.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn begin(&self, user: U) -> std::io::Result<String> {
        let id = random_id()?;
        let now = Instant::now();
        let mut kept = self.lock();
        kept.retain(|_, session| self.lives(session, now));
        if kept.len() >= MOST
            && let Some(oldest) = kept
                .iter()
                .min_by_key(|(_, session)| session.used)
                .map(|(id, _)| id.clone())
        {
            kept.remove(&oldest);
        }
        let cookie = format!("{}={id}{}", self.cookie(), self.attributes());
        kept.insert(
            id,
            Kept {
                user,
                begun: now,
                used: now,
            },
        );
        Ok(cookie)
    }

    /// The session that a request belongs to.
    pub fn of(&self, headers: &HeaderMap) -> Option<Session<U>> {
        let id = self.id(headers)?;
        let now = Instant::now();
        let mut kept = self.lock();
        let session = kept.get_mut(&id)?;
        if !self.lives(session, now) {
            kept.remove(&id);
            return None;
        }
        session.used = now;
        let user = session.user.clone();
        Some(Session {
            token: self.tokens.of(&id),
            id,
            user,
        })
    }

    /// Ends a session; what is returned is the value of `Set-Cookie`.
    pub fn end(&self, session: &Session<U>) -> String {
        self.lock().remove(&session.id);
        format!("{}=; Max-Age=0{}", self.cookie(), self.attributes())
    }

    fn lives(&self, session: &Kept<U>, now: Instant) -> bool {
        now.duration_since(session.used) < self.times.idle
            && now.duration_since(session.begun) < self.times.whole
    }

    fn id(&self, headers: &HeaderMap) -> Option<String> {
        let cookies = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(name, _)| *name == self.cookie())
            .map(|(_, id)| id.to_owned())
    }

    /// A name that browsers take by HTTPS only from the site itself, where that can be.
    fn cookie(&self) -> &'static str {
        if self.secure { "__Host-session" } else { "session" }
    }

    fn attributes(&self) -> &'static str {
        if self.secure {
            "; Path=/; HttpOnly; SameSite=Strict; Secure"
        } else {
            "; Path=/; HttpOnly; SameSite=Strict"
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept<U>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<U> std::fmt::Debug for Sessions<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let cookie = cookie.split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, format!("other=1; {cookie}").parse().unwrap())])
    }

    #[test]
    fn a_session_lives_until_it_ends_or_is_idle() {
        let times = SessionTimes {
            idle: Duration::from_millis(60),
            ..SessionTimes::default()
        };
        let sessions = Sessions::new(times, true).unwrap();
        let cookie = sessions.begin("anna").unwrap();
        assert!(
            cookie.starts_with("__Host-session=")
                && cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure")
        );
        let session = sessions.of(&headers(&cookie)).unwrap();
        assert_eq!(session.user, "anna");
        assert!(sessions.tokens().is_of(&session.id, &session.token));
        assert!(sessions.of(&headers("__Host-session=1234")).is_none());
        assert!(sessions.of(&HeaderMap::new()).is_none());
        std::thread::sleep(Duration::from_millis(80));
        assert!(sessions.of(&headers(&cookie)).is_none(), "idle");
        let cookie = sessions.begin("anna").unwrap();
        let session = sessions.of(&headers(&cookie)).unwrap();
        sessions.end(&session);
        assert!(sessions.of(&headers(&cookie)).is_none(), "ended");
    }

    #[test]
    fn there_are_only_so_many() {
        let sessions = Sessions::new(SessionTimes::default(), false).unwrap();
        let first = sessions.begin(0).unwrap();
        (0..MOST).for_each(|number| drop(sessions.begin(number).unwrap()));
        assert!(sessions.of(&headers(&first)).is_none());
        assert_eq!(sessions.lock().len(), MOST);
    }
}
