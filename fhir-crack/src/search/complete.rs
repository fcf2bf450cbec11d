use std::sync::Arc;
use std::time::SystemTime;

use super::link::NextUrl;
use super::page::Page;

/// What a search gave next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// One more page.
    Page(Page),
    /// The search is done and everything the server has was handed over.
    Complete(Complete),
    /// The search was stopped by its own limit of pages while more were there.
    Limited(Limited),
}

/// Proof that a search was answered in full; only the client makes one.
///
/// A caller that moves a watermark asks for this value, so no search that broke off can move it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete {
    pub(crate) counts: Counts,
    pub(crate) total: Option<u64>,
    pub(crate) restarts: u32,
    pub(crate) resumed: bool,
    pub(crate) begun: Option<SystemTime>,
    pub(crate) ignored: Vec<String>,
    pub(crate) unseen: Vec<Arc<str>>,
}

/// End of a search that its own limit of pages cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    pub(crate) counts: Counts,
    pub(crate) next: NextUrl,
}

/// Figures of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) pages: u32,
    pub(crate) entries: u64,
    pub(crate) matches: u64,
    pub(crate) bytes: u64,
}

impl Complete {
    /// Pages handed over, also those of passes that had to start anew.
    pub fn pages(&self) -> u32 {
        self.counts.pages
    }

    /// Entries on all pages, duplicates counted.
    pub fn entries(&self) -> u64 {
        self.counts.entries
    }

    /// Distinct resources that matched, without included ones.
    pub fn matches(&self) -> u64 {
        self.counts.matches
    }

    /// Bytes of all pages without transport compression.
    pub fn bytes(&self) -> u64 {
        self.counts.bytes
    }

    /// `Bundle.total` as the server gave it (the largest, if it changed); `None` where it gave none.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// How often the search had to start anew, because a paging link had expired or the server's set had changed.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// The server's own time (`Date`) of its first answer to the search, the earliest where there are several: what
    /// changed there later may be missing. `None` where the server sent no date.
    ///
    /// A watermark set no later than this does not depend on the client's clock.
    pub fn begun(&self) -> Option<SystemTime> {
        self.begun
    }

    /// Names of parameters that were sent and that the server, by the link to itself on its first page, did not
    /// understand: it may have answered with more than was asked for. Empty where it names none.
    ///
    /// Source: FHIR R4, <https://hl7.org/fhir/R4/search.html#conformance>.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Ids of a list in `_id` that never came, in their order: the server does not have them, or it took a part of the
    /// list only.
    pub fn unseen(&self) -> &[Arc<str>] {
        &self.unseen
    }

    /// Whether the search went on from a link kept earlier, so that only what lies behind it is complete.
    pub fn resumed(&self) -> bool {
        self.resumed
    }
}

impl Limited {
    /// Pages handed over.
    pub fn pages(&self) -> u32 {
        self.counts.pages
    }

    /// Entries on these pages.
    pub fn entries(&self) -> u64 {
        self.counts.entries
    }

    /// Where to go on: [`Client::resume`](super::Client::resume).
    pub fn next_url(&self) -> &NextUrl {
        &self.next
    }
}
