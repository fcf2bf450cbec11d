use crate::search::ask::target::Target;
use crate::search::paging::pass::Pass;

/// One of the requests that begin a search, with all pages behind it.
pub(crate) struct Part {
    /// Place among the parts, counted from 0.
    pub(crate) number: usize,
    /// The first request.
    pub(crate) start: Target,
    /// Where to go on and what was seen until there, if an earlier run kept its pages.
    pub(crate) progress: Option<(Target, Pass)>,
    /// Whether `start` is a paging link, so that pages before it are missing here.
    pub(crate) behind: bool,
}

impl Part {
    /// A part that begins with its first page.
    pub(crate) fn fresh(number: usize, start: Target) -> Part {
        Part {
            number,
            start,
            progress: None,
            behind: false,
        }
    }
}

/// Sums of the parts of a search that have ended.
#[derive(Default)]
pub(crate) struct Sums {
    parts: usize,
    totals: Vec<u64>,
    pub(crate) matches: u64,
}

impl Sums {
    pub(crate) fn add(&mut self, pass: &Pass) {
        self.parts += 1;
        self.totals.extend(pass.total);
        self.matches += pass.matches();
    }

    /// The sum of the parts' totals, if every part has one.
    pub(crate) fn total(&self) -> Option<u64> {
        (self.parts > 0 && self.totals.len() == self.parts).then(|| self.totals.iter().sum())
    }
}
