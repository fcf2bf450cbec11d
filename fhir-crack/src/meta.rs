use std::fmt;

use crate::head::Heads;
use crate::issue::Issue;

/// What a page says about itself besides its resources.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BundleMeta {
    /// Type of the outermost resource: `Bundle`, or what else the page is.
    pub resource: Option<String>,
    /// `Bundle.type`, such as `searchset`.
    pub kind: Option<String>,
    /// `Bundle.total`: matches of the search on all pages, as the server counts or estimates them.
    pub total: Option<u64>,
    /// Address of the next page; none on the last one.
    pub next: Option<String>,
    /// Address of this page.
    pub self_link: Option<String>,
    /// Issues of OperationOutcomes on the page, whether they are the page or an entry.
    pub issues: Vec<Issue>,
    /// Prefixes of XML names that the outermost element binds to a namespace that is not FHIR's.
    pub(crate) foreign_prefixes: Vec<String>,
    /// `Bundle.meta.lastUpdated`, as it is written.
    pub updated: Option<String>,
    /// Whether what cannot be read reaches to the page's end, so that more may have followed.
    pub is_cut: bool,
    /// Which resources the page holds, where it is read for that.
    pub(crate) heads: Option<Heads>,
}

impl fmt::Debug for BundleMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BundleMeta")
            .field("resource", &self.resource)
            .field("kind", &self.kind.is_some())
            .field("total", &self.total)
            .field("next", &self.next.is_some())
            .field("self_link", &self.self_link.is_some())
            .field("issues", &self.issues)
            .finish()
    }
}

impl BundleMeta {
    pub(crate) fn set_link(&mut self, relation: &str, url: &str) {
        // Relations are compared without regard to case (RFC 8288); one without an address leads nowhere.
        if url.trim().is_empty() {
            return;
        }
        if relation.eq_ignore_ascii_case("next") {
            self.next = Some(url.to_owned());
        } else if relation.eq_ignore_ascii_case("self") {
            self.self_link = Some(url.to_owned());
        }
    }
}
