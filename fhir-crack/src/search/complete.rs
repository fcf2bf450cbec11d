use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::search::envelope::page::Page;
use crate::search::url::link::NextUrl;

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
///
/// `Debug` shows figures and names of parameters, no id and nothing that the server wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct Complete {
    pub(crate) counts: Counts,
    pub(crate) total: Option<u64>,
    pub(crate) restarts: u32,
    pub(crate) resumed: bool,
    pub(crate) begun: Option<SystemTime>,
    pub(crate) ignored: Vec<String>,
    pub(crate) unseen: Vec<Arc<str>>,
    pub(crate) updated: Option<String>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) unread: u64,
    pub(crate) total_is_wrong: bool,
}

/// An issue of an OperationOutcome that came among the entries, in words of FHIR's own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// `warning`, `information`, …
    pub severity: &'static str,
    /// Code of the value set issue-type.
    pub code: &'static str,
    /// The parameter of the search that it names, else the type of resource; `None` where it names neither.
    pub concerns: Option<String>,
    /// How often it came.
    pub count: u64,
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

impl fmt::Debug for Complete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Complete")
            .field("counts", &self.counts)
            .field("total", &self.total)
            .field("restarts", &self.restarts)
            .field("resumed", &self.resumed)
            .field("begun", &self.begun)
            .field("updated", &self.updated.is_some())
            .field("ignored", &self.ignored)
            .field("unseen", &self.unseen.len())
            .field("outcomes", &self.outcomes)
            .field("unread", &self.unread)
            .field("total_is_wrong", &self.total_is_wrong)
            .finish()
    }
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

    /// `meta.lastUpdated` of the first page's Bundle (the earliest, where a search needed several requests), as the server
    /// wrote it: when it put the answer together. What changed later may be missing.
    pub fn updated(&self) -> Option<&str> {
        self.updated.as_deref()
    }

    /// Issues of outcomes that came among the entries; none is an error, since a search with one is not complete.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Entries that cannot be read: they were handed over with their pages as they are, so nothing is missing that the
    /// server sent, but they are no resources.
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// Whether the server's total was larger than what it has: two walks brought the same resources, and it counts no more
    /// of them when asked for their number alone.
    pub fn total_is_wrong(&self) -> bool {
        self.total_is_wrong
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

    /// Where to go on: [`Client::resume`](crate::search::Client::resume).
    pub fn next_url(&self) -> &NextUrl {
        &self.next
    }
}
