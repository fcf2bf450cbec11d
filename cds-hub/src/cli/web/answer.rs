//! What the hub said to a question of a page, or why it did not.

use std::time::{Duration, Instant};

use cds_hub::{Error, Result};
use maud::{Markup, html};

/// Asks for one page: all its questions together have so long.
pub(super) struct Asker {
    limit: Duration,
    until: Instant,
}

/// An answer, or why there is none.
pub(super) enum Answer<T> {
    Told(T),
    /// The role has no right to it.
    NotForRole,
    /// It took longer than this.
    TooLong(Duration),
    Failed(Error),
}

impl Asker {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            until: Instant::now() + limit,
        }
    }

    /// Waits for an answer as long as the page has.
    pub(super) async fn ask<T>(&self, question: impl Future<Output = Result<T>>) -> Answer<T> {
        let left = self.until.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, question).await {
            Err(_) => Answer::TooLong(self.limit),
            Ok(Ok(told)) => Answer::Told(told),
            Ok(Err(error)) => match error.sqlstate() {
                // Cancelled by the limit that the server keeps; no right to a table or function.
                Some("57014") => Answer::TooLong(self.limit),
                Some("42501") => Answer::NotForRole,
                _ => Answer::Failed(error),
            },
        }
    }
}

impl<T> Answer<T> {
    /// What was told, or what the page shows instead; the reason of a failure goes to the log.
    pub(super) fn told_or(self) -> std::result::Result<T, Markup> {
        Err(match self {
            Self::Told(answer) => return Ok(answer),
            Self::NotForRole => html! { p.soft { "Not for this role." } },
            Self::TooLong(limit) => html! {
                p.notice.bad role="alert" {
                    "This took longer than " (limit.as_secs()) " s and was given up. The hub is busy or large: try again later, "
                    "or give the pages longer with " code { "--timeout" } "."
                }
            },
            Self::Failed(error) => {
                tracing::error!("{error}");
                html! {
                    p.notice.bad role="alert" {
                        "The hub did not answer. Try again; if it stays, ask whoever runs it: the reason is in the log of "
                        code { "cds-hub web" } "."
                    }
                }
            }
        })
    }

    /// What the page shows of it.
    pub(super) fn show(self, told: impl FnOnce(T) -> Markup) -> Markup {
        self.told_or().map_or_else(|why| why, told)
    }

    /// What was told.
    pub(super) fn told(self) -> Option<T> {
        self.told_or().ok()
    }
}
