use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::search::error::{ErrorKind, Fault};
use crate::search::wire::call::Reply;
use crate::search::wire::retry::retry_after;

/// What `export.json` in the directory keeps.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) identity: String,
    pub(super) status_url: Option<String>,
    /// The server's time when it was asked, seconds since 1970.
    #[serde(default)]
    pub(super) begun: Option<u64>,
    pub(super) manifest: Option<Manifest>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    #[serde(default)]
    pub(super) transaction_time: String,
    #[serde(default)]
    pub(super) requires_access_token: Option<bool>,
    #[serde(default)]
    pub(super) output: Vec<Item>,
    #[serde(default)]
    pub(super) deleted: Vec<Item>,
    #[serde(default)]
    pub(super) error: Vec<Item>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Item {
    #[serde(rename = "type", default)]
    pub(super) resource: String,
    pub(super) url: String,
    #[serde(default)]
    pub(super) count: Option<u64>,
}

/// What the status URL answered.
pub(super) enum Status {
    Waiting {
        wait: Option<Duration>,
        percent: Option<u8>,
    },
    Ready(Manifest),
}

/// Reads the answer of the status URL.
pub(super) fn status(reply: &Reply) -> Result<Status, Fault> {
    reply.success()?;
    if reply.status == 202 {
        let text = reply
            .headers
            .get("x-progress")
            .and_then(|value| value.to_str().ok());
        return Ok(Status::Waiting {
            wait: retry_after(&reply.headers),
            percent: text.and_then(percent),
        });
    }
    let manifest = serde_json::from_slice(&reply.body);
    manifest
        .map(Status::Ready)
        .map_err(|_| Fault::transient(ErrorKind::Malformed))
}

/// The number before `%` in a progress header; its other words are the server's own and are not shown.
fn percent(text: &str) -> Option<u8> {
    let head = &text[..text.find('%')?];
    let head = head.trim_end();
    let digits = head.len() - head.bytes().rev().take_while(u8::is_ascii_digit).count();
    head[digits..].parse().ok().filter(|percent| *percent <= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress() {
        for (text, found) in [
            ("45%", Some(45)),
            ("45 % complete", Some(45)),
            ("Anna Muster: 100%", Some(100)),
            ("in progress", None),
            ("-1000%", None),
            ("%", None),
        ] {
            assert_eq!(percent(text), found, "{text}");
        }
    }
}
