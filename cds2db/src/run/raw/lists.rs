//! Lists of ids held against what came of them: a server may honour the first id of a list only, and say nothing.

use std::collections::{BTreeSet, HashSet};
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
/// Pairs of ids of which the number of resources is compared, at most.
const PAIRS: usize = 4;

/// What is known of how a server takes lists.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// Parameters of which a list brought resources of more than one id.
    honoured: BTreeSet<String>,
    /// Parameters of which it was found that a list brings less than its ids one by one.
    cut: BTreeSet<String>,
    /// Ids asked for one by one so far.
    asked: usize,
}

/// A search that was answered in full, by the words of the server, and the ids that it brought something of.
pub(super) struct Ended {
    pub(super) request: Request,
    pub(super) proof: Complete,
    pub(super) seen: HashSet<Arc<str>>,
}

impl Ended {
    fn parameter(&self) -> Option<&str> {
        self.request
            .search
            .list_param()
            .filter(|_| self.request.ids().len() > 1)
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
        for one in ended.iter().filter(|one| one.seen.len() > 1) {
            self.honoured.extend(one.parameter().map(str::to_owned));
        }
        let (mut answered, mut again) = (Vec::new(), Vec::new());
        let mut given_up = 0;
        for one in ended {
            let missing = self.missing(client, &one).await;
            if missing.is_empty() {
                answered.push(Answered::new(one.request, &one.proof));
                continue;
            }
            let room = ONE_BY_ONE.saturating_sub(self.asked);
            if missing.len() > room && one.parameter().is_some_and(|name| self.honoured.contains(name)) {
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

    /// The ids of a list that may have been passed over.
    async fn missing(&mut self, client: &Client, one: &Ended) -> Vec<Arc<str>> {
        let Some(parameter) = one.parameter().map(str::to_owned) else {
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
        if one.seen.len() > 1 || self.honoured.contains(&parameter) {
            return Vec::new();
        }
        if !self.cut.contains(&parameter) {
            match is_honoured(client, &one.request, &parameter).await {
                Some(false) => {
                    tracing::warn!(parameter, "the server honours a part of a list of ids only");
                    self.cut.insert(parameter);
                }
                Some(true) => {
                    self.honoured.insert(parameter);
                    return Vec::new();
                }
                None => return Vec::new(),
            }
        }
        let ids = one.request.ids().iter();
        ids.filter(|id| !one.seen.contains(*id)).cloned().collect()
    }
}

/// Whether a list of two ids counts as many resources as both alone; `None` where no two ids have any.
async fn is_honoured(client: &Client, request: &Request, parameter: &str) -> Option<bool> {
    let count = |ids: &[&Arc<str>]| {
        let ids: Vec<Arc<str>> = ids.iter().map(|id| Arc::clone(id)).collect();
        let search = Search::new(request.resource.as_str()).ids(parameter, ids);
        async move { client.count(search).await.ok() }
    };
    let mut filled: Vec<(&Arc<str>, u64)> = Vec::new();
    for id in request.ids().iter().take(2 * PAIRS) {
        let alone = count(&[id]).await?;
        if alone > 0 {
            filled.push((id, alone));
        }
        if let [(first, of_first), (second, of_second)] = filled.as_slice() {
            return Some(count(&[*first, *second]).await? >= of_first + of_second);
        }
    }
    None
}
