use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use crate::search::ask::target::Target;
use crate::search::envelope::Envelope;
use crate::search::error::ErrorKind;

/// What one way through a part of a search has seen, from its first page on.
#[derive(Default)]
pub(crate) struct Pass {
    /// Pages seen.
    pub(crate) pages: u32,
    /// The largest `Bundle.total` seen.
    pub(crate) total: Option<u64>,
    /// Entries seen, duplicates counted.
    pub(crate) entries: u64,
    /// Pages in a row that brought nothing new.
    pub(crate) idle: u32,
    targets: HashSet<u64, BuildHasherDefault<AsItIs>>,
    resources: HashSet<u64, BuildHasherDefault<AsItIs>>,
    /// Matches without an id, which cannot be told apart.
    nameless: u64,
    hasher: RandomState,
}

/// Which resources a walk brought, told by their number and a sum of their hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brought {
    matches: u64,
    sum: u64,
}

/// Takes a number that is a hash already for its own hash.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Matches that may come beyond any total.
const SLACK: u64 = 10_000;

impl Pass {
    /// A walk that tells resources apart with this hasher.
    pub(crate) fn new(hasher: RandomState) -> Pass {
        Pass {
            hasher,
            ..Pass::default()
        }
    }

    /// Which resources came.
    pub(crate) fn brought(&self) -> Brought {
        let sum = self
            .resources
            .iter()
            .fold(0u64, |sum, key| sum.wrapping_add(*key));
        Brought {
            matches: self.matches(),
            sum,
        }
    }

    /// Notes where the next page is asked for; a second time is a circle.
    pub(crate) fn enter(&mut self, target: &Target) -> Result<(), ErrorKind> {
        let key = self.hasher.hash_one(target);
        if self.targets.insert(key) {
            Ok(())
        } else {
            Err(ErrorKind::Loop)
        }
    }

    /// Notes what a page of a search for `resource` brought.
    pub(crate) fn take(&mut self, envelope: &Envelope, resource: &str) {
        self.pages += 1;
        self.entries += u64::from(envelope.entries);
        self.total = self.total.max(envelope.total);
        let mut new = false;
        for head in envelope.resources.iter().filter(|head| head.is_match(resource)) {
            if head.id.is_empty() {
                self.nameless += 1;
                new = true;
            } else {
                let key = self.hasher.hash_one((&*head.resource, &head.id));
                new |= self.resources.insert(key);
            }
        }
        // One that cannot be read may be any.
        self.nameless += u64::from(envelope.unread);
        new |= envelope.unread > 0;
        self.idle = if new { 0 } else { self.idle + 1 };
    }

    /// Whether more came than the total makes plausible: so many times it, and some more since totals may be estimates.
    pub(crate) fn is_beyond_its_total(&self, times: u64) -> bool {
        let most = |total: u64| total.saturating_mul(times).saturating_add(SLACK);
        self.total.is_some_and(|total| self.matches() > most(total))
    }

    /// Distinct matches seen.
    pub(crate) fn matches(&self) -> u64 {
        self.resources.len() as u64 + self.nameless
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(ids: &[&str], total: Option<u64>) -> Envelope {
        let entries: Vec<String> = ids
            .iter()
            .map(|id| format!(r#"{{"resource":{{"resourceType":"Patient","id":"{id}"}}}}"#))
            .collect();
        let total = total
            .map(|total| format!(r#","total":{total}"#))
            .unwrap_or_default();
        let text = format!(
            r#"{{"resourceType":"Bundle"{total},"entry":[{}]}}"#,
            entries.join(",")
        );
        Envelope::read(text.as_bytes()).expect("envelope").1
    }

    #[test]
    fn duplicates_count_once_and_the_largest_total_counts() {
        let mut pass = Pass::default();
        pass.take(&page(&["1", "2"], Some(5)), "Patient");
        pass.take(&page(&["2", "1"], Some(3)), "Patient");
        assert_eq!(
            (pass.matches(), pass.total, pass.idle, pass.pages),
            (2, Some(5), 1, 2)
        );
        pass.take(&page(&["3", ""], None), "Patient");
        pass.take(&page(&["", ""], None), "Group");
        assert_eq!(
            (pass.matches(), pass.total, pass.idle, pass.pages),
            (4, Some(5), 1, 4)
        );
    }
}
