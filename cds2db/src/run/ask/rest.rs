//! What is left of a list of ids when a server takes only its beginning, and says nothing.

use std::collections::HashSet;
use std::sync::Arc;

use fhir_crack::search::Search;

/// Ids asked for alone that may bring nothing, one after the other, before the server is believed.
const IN_VAIN: usize = 50;

/// Decides what of a list is asked for again.
///
/// An id that brought something speaks for those before it. A list of which several ids brought something is asked for again
/// from behind the last of them; one of which none or only the first did, id by id.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    /// Ids in a row that brought nothing alone.
    in_vain: usize,
}

impl Rest {
    /// Whether so much was asked for in vain that the server is believed to take lists whole.
    pub(crate) fn is_believed(&self) -> bool {
        self.in_vain >= IN_VAIN
    }

    /// What to ask for after a search, given the ids that it brought something of.
    pub(crate) fn of(&mut self, search: &Search, seen: &HashSet<Arc<str>>) -> Vec<Search> {
        let ids = search.listed_ids();
        let Some(parameter) = search.list_param() else {
            return Vec::new();
        };
        if !seen.is_empty() {
            self.in_vain = 0;
        } else if ids.len() == 1 {
            self.in_vain += 1;
        }
        let last = ids.iter().rposition(|id| seen.contains(id));
        // The first one was looked for, whatever the server does with lists.
        let rest = &ids[last.map_or(1, |last| last + 1).min(ids.len())..];
        let of = |ids: &[Arc<str>]| search.clone().ids(parameter, ids.to_vec());
        match seen.len() {
            _ if rest.is_empty() || self.is_believed() => Vec::new(),
            0 | 1 => rest.iter().map(std::slice::from_ref).map(of).collect(),
            _ => vec![of(rest)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked for of a list of ten ids of which a server knows some and honours the first so many.
    fn asked(known: &[usize], honoured: usize) -> (usize, Vec<String>) {
        let ids: Vec<String> = (0..10).map(|i| format!("p{i}")).collect();
        let mut searches = vec![Search::new("Observation").ids("patient", ids)];
        let (mut rest, mut requests, mut found) = (Rest::default(), 0, Vec::new());
        while let Some(search) = searches.pop() {
            requests += 1;
            let taken = search.listed_ids().iter().take(honoured);
            let seen: HashSet<Arc<str>> = taken
                .filter(|id| known.iter().any(|n| ***id == *format!("p{n}")))
                .cloned()
                .collect();
            found.extend(seen.iter().map(|id| id.to_string()));
            searches.extend(rest.of(&search, &seen));
        }
        found.sort();
        (requests, found)
    }

    #[test]
    fn nothing_is_lost_to_a_server_that_takes_a_part_of_lists() {
        for honoured in 1..=10 {
            for known in [
                &[0, 9][..],
                &[3, 5],
                &[9],
                &[0],
                &[],
                &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            ] {
                let (requests, found) = asked(known, honoured);
                assert_eq!(found.len(), known.len(), "{honoured} of {known:?}");
                assert!(requests <= 10, "{requests} for {honoured} of {known:?}");
            }
        }
        assert_eq!(asked(&[0, 1, 9], 10).0, 1, "the last one speaks for all");
    }
}
