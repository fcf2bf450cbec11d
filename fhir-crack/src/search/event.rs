use std::sync::Arc;
use std::time::Duration;

use crate::search::error::{ErrorKind, Place};

/// Something a caller may show while searches run; holds no value, query or token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A page arrived and is in order.
    Page {
        /// Which page.
        place: Place,
        /// Entries on it.
        entries: u32,
        /// Bytes of its body without transport compression.
        bytes: usize,
        /// Time from sending the request to the body's last byte, of the attempt that worked.
        elapsed: Duration,
    },
    /// A request failed and will be sent again.
    Retry {
        /// Which page.
        place: Place,
        /// What went wrong.
        kind: ErrorKind,
        /// Requests sent so far.
        attempts: u32,
        /// Wait before the next one.
        wait: Duration,
    },
    /// A search begins anew; its pages come a second time.
    Restart {
        /// The page that could not be had.
        place: Place,
        /// Why.
        kind: ErrorKind,
    },
    /// The server refuses POST for a type; its searches go by GET from now on.
    PostRefused {
        /// Resource type.
        resource: String,
    },
    /// The server names another origin or base in its links; they are asked at the configured one. Told once an origin.
    LinkReplaced {
        /// Scheme, host and port that the links name.
        origin: String,
    },
    /// The number of requests allowed at one time has changed.
    Lanes {
        /// The new number.
        limit: u32,
    },
    /// A bulk data export is still being made.
    Export {
        /// Which server.
        place: Place,
        /// Part that is ready, 0 to 100, where the server says so.
        percent: Option<u8>,
    },
    /// A new access token was fetched.
    TokenRenewed,
}

/// Where events go.
pub(crate) type Listener = Arc<dyn Fn(&Event) + Send + Sync>;
