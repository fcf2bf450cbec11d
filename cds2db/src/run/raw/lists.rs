//! Lists of ids held against what came of them: a server may honour the first id of a list only, and say nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use fhir_crack::search::{Client, Complete, Search};

use crate::Summary;
use crate::run::ask::answered::Answered;
use crate::run::ask::requests::Request;

/// The parameter for ids of resources.
const ID: &str = "_id";
/// The parameter for what has changed: an id that does not come may only be unchanged.
const CHANGED: &str = "_lastUpdated";
/// Ids asked for one by one in a run, at most.
const ONE_BY_ONE: usize = 2_000;
/// Ids of a list whose resources are counted, from its end, at most.
const TRIES: usize = 8;
/// Counts in a run, at most.
const COUNTS: usize = 400;

/// What is known of how a server takes lists.
///
/// One that does not take a list whole takes its beginning. So an id that brought something speaks for all ids before it, in
/// every list of the same parameter that is not longer.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// By parameter: how many ids of a list were honoured for certain.
    honoured: BTreeMap<String, usize>,
    /// Parameters of which it was found that a list brings less than its ids one by one.
    cut: BTreeSet<String>,
    /// Ids asked for one by one so far.
    asked: usize,
    /// Resources counted so far.
    counted: usize,
}

/// A search that was answered in full, by the words of the server, and the ids that it brought something of.
pub(super) struct Ended {
    pub(super) request: Request,
    pub(super) proof: Complete,
    pub(super) seen: HashSet<Arc<str>>,
    /// The server was asked for its ids as a list, which it may cut.
    pub(super) is_list: bool,
}

impl Ended {
    fn parameter(&self) -> Option<&str> {
        self.request
            .search
            .list_param()
            .filter(|_| self.is_list && self.request.ids().len() > 1)
    }

    /// How many ids of the list have been honoured, since the last of them brought something.
    fn reach(&self) -> usize {
        let ids = self.request.ids();
        let last = ids.iter().rposition(|id| self.seen.contains(id));
        last.map_or(0, |last| last + 1)
    }
}

impl Lists {
    /// Divides what has ended into what is answered and what has to be asked for once more, id by id.
    pub(super) async fn divide(
        &mut self,
        client: &Client,
        ended: Vec<Ended>,
        summary: &mut Summary,
    ) -> (Vec<Answered>, Vec<Request>) {
        self.look(client, &ended, summary).await;
        let (mut answered, mut again) = (Vec::new(), Vec::new());
        let mut given_up = 0;
        for one in ended {
            let missing = self.missing(&one);
            if missing.is_empty() {
                answered.push(Answered::new(one.request, &one.proof));
                continue;
            }
            let room = ONE_BY_ONE.saturating_sub(self.asked);
            // Ids that a server has nothing of; where it cuts lists, all are asked for, however many they are.
            if missing.len() > room && !one.parameter().is_some_and(|name| self.cut.contains(name)) {
                given_up += missing.len();
                answered.push(Answered::new(one.request, &one.proof));
                continue;
            }
            self.asked += missing.len();
            let left: HashSet<&Arc<str>> = missing.iter().collect();
            let come = one.request.ids().iter().filter(|id| !left.contains(*id));
            let come: Vec<Arc<str>> = come.cloned().collect();
            again.extend(missing.iter().map(|id| one.request.of(vec![Arc::clone(id)])));
            if !come.is_empty() {
                answered.push(Answered::new(one.request.of(come), &one.proof));
            }
        }
        if given_up > 0 {
            summary.notes.push(format!(
                "{given_up} ids of lists did not come, and are too many to be asked for one by one"
            ));
        }
        if !again.is_empty() {
            let text = format!(
                "{} ids of lists did not come and were asked for one by one",
                again.len()
            );
            summary.notes.push(text);
        }
        (answered, again)
    }

    /// Learns from what came how far lists are honoured; where that leaves doubt, by counting.
    async fn look(&mut self, client: &Client, ended: &[Ended], summary: &mut Summary) {
        for one in ended.iter().filter(|one| !one.seen.is_empty()) {
            if let Some(parameter) = one.parameter() {
                let known = self.honoured.entry(parameter.to_owned()).or_default();
                *known = one.reach().max(*known);
            }
        }
        // Ids of resources that did not come are named; only where they are too many to ask for, it matters why.
        let unseen: usize = ended.iter().map(|one| one.proof.unseen().len()).sum();
        let is_bound = self.asked + unseen <= ONE_BY_ONE;
        let mut doubtful = BTreeSet::new();
        for one in ended {
            let Some(parameter) = one.parameter() else {
                continue;
            };
            if self.is_known(parameter, one.request.ids().len()) || (parameter == ID && is_bound) {
                continue;
            }
            match self.is_honoured(client, &one.request, parameter).await {
                Some(true) => {
                    self.honoured
                        .insert(parameter.to_owned(), one.request.ids().len());
                }
                Some(false) => {
                    tracing::warn!(parameter, "the server honours a part of a list of ids only");
                    summary.notes.push(format!(
                        "the server honours the beginning of a list of ids only ({parameter}): ids are asked for one by one"
                    ));
                    self.cut.insert(parameter.to_owned());
                }
                None => {
                    doubtful.insert(parameter.to_owned());
                }
            }
        }
        for parameter in doubtful.iter().filter(|name| !self.cut.contains(*name)) {
            summary.notes.push(format!(
                "{parameter}: nothing came of the last ids of lists, and nothing shows whether the server looked for them"
            ));
        }
    }

    /// Whether nothing is left to find out about lists of so many ids.
    fn is_known(&self, parameter: &str, ids: usize) -> bool {
        self.cut.contains(parameter) || self.honoured.get(parameter).is_some_and(|known| *known >= ids)
    }

    /// The ids of a list that may have been passed over.
    fn missing(&self, one: &Ended) -> Vec<Arc<str>> {
        let Some(parameter) = one.parameter() else {
            return Vec::new();
        };
        if parameter == ID {
            let is_whole = !one.request.search.has_param(CHANGED);
            return if is_whole {
                one.proof.unseen().to_vec()
            } else {
                Vec::new()
            };
        }
        if !self.cut.contains(parameter) {
            return Vec::new();
        }
        let ids = one.request.ids().iter();
        ids.filter(|id| !one.seen.contains(*id)).cloned().collect()
    }

    /// Whether a list brings what its last id with resources has; `None` where none of the ids looked at has any, or nothing
    /// is counted.
    async fn is_honoured(&mut self, client: &Client, request: &Request, parameter: &str) -> Option<bool> {
        let ids = request.ids();
        let known = self.honoured.get(parameter).copied().unwrap_or_default().max(1);
        for last in (known..ids.len()).rev().take(TRIES) {
            let alone = self.count(client, request, parameter, &ids[last..=last]).await?;
            if alone > 0 {
                let without = self.count(client, request, parameter, &ids[..last]).await?;
                let with = self.count(client, request, parameter, &ids[..=last]).await?;
                // What comes meanwhile makes it more, never less.
                return Some(with >= without + alone);
            }
        }
        None
    }

    async fn count(
        &mut self,
        client: &Client,
        request: &Request,
        parameter: &str,
        ids: &[Arc<str>],
    ) -> Option<u64> {
        self.counted += 1;
        if self.counted > COUNTS {
            return None;
        }
        let search = Search::new(request.resource.as_str()).ids(parameter, ids.to_vec());
        client.count(search).await.ok()
    }
}
