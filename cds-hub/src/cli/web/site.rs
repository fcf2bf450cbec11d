use std::sync::Arc;
use std::time::Duration;

use cds_hub::overview::Readable;
use cds_hub::schema::Model;
use cds_hub::{Error, ErrorKind, Hub, HubOptions, Result};
use web_pages::{Attempts, SessionTimes, Sessions, Site};

/// Who is signed in, with connections of that role, which end with the session.
#[derive(Clone)]
pub(super) struct User {
    /// Name of the role.
    pub(super) name: String,
    /// The hub as the role sees it.
    pub(super) hub: Hub,
    /// Its tables.
    pub(super) model: Arc<Model>,
    /// Those whose cells the role may see.
    pub(super) readable: Arc<Readable>,
}

/// What all pages share.
#[derive(Clone)]
pub(super) struct Pages(Arc<Inner>);

pub(super) struct Inner {
    /// How roles reach the hub.
    pub(super) login: HubOptions,
    /// How long a page may take.
    pub(super) limit: Duration,
    pub(super) attempts: Attempts,
    pub(super) title: String,
    sessions: Sessions<User>,
}

impl Pages {
    pub(super) fn new(login: HubOptions, limit: Duration, title: &str, public: Option<&str>) -> Result<Self> {
        let secure = public.is_some_and(|address| address.starts_with("https://"));
        let sessions = Sessions::new(SessionTimes::default(), secure)
            .map_err(|e| Error::new(ErrorKind::Options, "starting sessions").with_source(e))?;
        Ok(Self(Arc::new(Inner {
            login,
            limit,
            attempts: Attempts::default(),
            title: title.to_owned(),
            sessions,
        })))
    }
}

impl std::ops::Deref for Pages {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Site for Pages {
    type User = User;

    fn sessions(&self) -> &Sessions<User> {
        &self.sessions
    }

    fn name(&self) -> &str {
        &self.title
    }
}
