//! What the pages of a search say beside their resources, from the first page to the last.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use crate::search::ask::query::Search;
use crate::search::complete::Outcome;
use crate::search::envelope::Envelope;
use crate::search::url::encoding::pairs;

/// What a search has been told so far.
#[derive(Default)]
pub(crate) struct Notes {
    /// The server's time of the first answer.
    pub(crate) begun: Option<SystemTime>,
    /// The earliest `Bundle.meta.lastUpdated` of a first page.
    pub(crate) updated: Option<String>,
    /// Parameters that the server says it did not understand.
    pub(crate) ignored: Vec<String>,
    /// Ids of a list that have not come yet.
    unseen: HashSet<Arc<str>>,
    /// Issues of outcomes along the way: severity, code, what they concern; and how often they came.
    outcomes: BTreeMap<(&'static str, &'static str, Option<String>), u64>,
    /// Entries that cannot be read.
    pub(crate) unread: u64,
    /// Whether the server's total was found to be larger than what it has.
    pub(crate) total_is_wrong: bool,
}

/// Different issues of outcomes told, at most.
const OUTCOMES: usize = 64;

impl Notes {
    pub(crate) fn new(search: &Search) -> Notes {
        let is_id_list = search.list_param() == Some("_id");
        let listed = search.listed_ids().iter().filter(|_| is_id_list);
        Notes {
            unseen: listed.cloned().collect(),
            ..Notes::default()
        }
    }

    /// Notes what a page says; `first` if it is the first of a part.
    pub(crate) fn take(
        &mut self,
        search: &Search,
        envelope: &Envelope,
        date: Option<SystemTime>,
        first: bool,
    ) {
        if first {
            self.begun = match (self.begun, date) {
                (Some(known), Some(date)) => Some(known.min(date)),
                (known, date) => known.or(date),
            };
            if let Some(updated) = &envelope.updated
                && self.updated.as_ref().is_none_or(|known| updated < known)
            {
                self.updated = Some(updated.clone());
            }
            if let Some(link) = &envelope.self_link {
                self.take_self_link(search, link);
            }
        }
        if !self.unseen.is_empty() {
            for head in &envelope.resources {
                self.unseen.remove(&*head.id);
            }
        }
        self.unread += u64::from(envelope.unread);
        for issue in &envelope.issues {
            let concerns = issue.concerns(search.names().map(bare)).map(str::to_owned);
            let key = (issue.severity, issue.code, concerns);
            if self.outcomes.len() < OUTCOMES || self.outcomes.contains_key(&key) {
                *self.outcomes.entry(key).or_default() += 1;
            }
        }
    }

    /// The parameters of the search that the server's link to itself leaves out, if it names others of them.
    fn take_self_link(&mut self, search: &Search, link: &str) {
        let understood: Vec<String> = match link.split_once('?') {
            Some((_, query)) => pairs(query).map(|(name, _)| bare(&name).to_owned()).collect(),
            None => return,
        };
        let sent: Vec<&str> = search.names().map(bare).collect();
        if !sent
            .iter()
            .any(|name| understood.iter().any(|known| known == name))
        {
            return;
        }
        for name in sent {
            let left_out = !understood.iter().any(|known| known == name) && !is_control(name);
            if left_out && !self.ignored.iter().any(|known| known == name) {
                let resource = search.resource();
                tracing::warn!(resource, name, "the server does not understand a parameter");
                self.ignored.push(name.to_owned());
            }
        }
    }

    /// The ids of the search's list that never came, in its order.
    pub(crate) fn unseen(&self, search: &Search) -> Vec<Arc<str>> {
        let listed = search.listed_ids().iter();
        listed.filter(|id| self.unseen.contains(*id)).cloned().collect()
    }

    /// The issues of outcomes along the way.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        let outcomes = self.outcomes.iter();
        outcomes
            .map(|((severity, code, concerns), &count)| Outcome {
                severity,
                code,
                concerns: concerns.clone(),
                count,
            })
            .collect()
    }
}

/// The name of a parameter without its modifier.
pub(crate) fn bare(name: &str) -> &str {
    name.split(':').next().unwrap_or_default()
}

/// Whether a parameter steers the form of the answer and not which resources it holds.
pub(crate) fn is_control(name: &str) -> bool {
    matches!(
        name,
        "_count"
            | "_sort"
            | "_format"
            | "_pretty"
            | "_elements"
            | "_summary"
            | "_total"
            | "_include"
            | "_revinclude"
            | "_offset"
            | "_contained"
            | "_containedType"
    )
}
