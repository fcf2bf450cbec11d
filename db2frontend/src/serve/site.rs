use std::collections::HashSet;
use std::sync::Arc;

use cds_hub::{Hub, HubOptions};
use web_pages::{Attempts, SessionTimes, Sessions, Site};

use super::ServeOptions;
use super::changes::Changes;
use super::sheet::Sheet;
use crate::{Dictionary, Error, ErrorKind, Result};

/// Who is signed in.
#[derive(Clone)]
pub(super) struct User {
    /// Name of the role.
    pub(super) name: String,
}

/// What all pages share.
#[derive(Clone)]
pub(super) struct Pages(Arc<Inner>);

pub(super) struct Inner {
    pub(super) hub: Hub,
    pub(super) login: HubOptions,
    pub(super) sheets: Vec<Sheet>,
    pub(super) changes: Changes,
    pub(super) attempts: Attempts,
    pub(super) title: String,
    sessions: Sessions<User>,
}

impl Pages {
    pub(super) async fn new(
        hub: Hub,
        login: HubOptions,
        dictionary: Dictionary,
        options: &ServeOptions,
    ) -> Result<Self> {
        let tables = hub.tables_to_keep().await?.forms;
        let mut names = HashSet::new();
        let sheets: Vec<Sheet> = dictionary
            .forms
            .iter()
            .zip(0..)
            .filter(|(form, _)| names.insert(form.name.clone()))
            .filter_map(|(form, at)| Sheet::new(form, &tables, &dictionary, at > 0))
            .collect();
        if sheets.is_empty() {
            return Err(Error::new(
                ErrorKind::Dictionary,
                "the hub has none of the dictionary's forms",
            ));
        }
        let secure = options
            .public
            .as_deref()
            .is_some_and(|address| address.starts_with("https://"));
        let sessions = Sessions::new(SessionTimes::default(), secure)
            .map_err(|e| Error::new(ErrorKind::Output, "starting sessions").with_source(e))?;
        Ok(Self(Arc::new(Inner {
            hub,
            login,
            sheets,
            changes: Changes::open(&options.directory)?,
            attempts: Attempts::default(),
            title: options.title.clone(),
            sessions,
        })))
    }

    pub(super) fn sheet(&self, form: &str) -> Option<&Sheet> {
        self.sheets.iter().find(|sheet| sheet.form.name == form)
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
