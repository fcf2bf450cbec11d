use std::borrow::Cow;

use crate::error::Limit;
use crate::foreign::Foreign;
use crate::halt::Halt;
use crate::issue::Issue;
use crate::keys::Learned;
use crate::meta::BundleMeta;
use crate::options::{Nested, Options};
use crate::plan::{Plan, Sink};
use crate::repair::Repaired;
use crate::rows::Rows;
use crate::summary::{Summary, TableSummary};
use crate::tree::Element;
use crate::types;

/// What the walk over a page works on, whatever the page's format.
pub(crate) struct Work<'w> {
    pub(crate) plan: &'w Plan,
    pub(crate) options: &'w Options,
    pub(crate) rows: &'w mut Rows,
    pub(crate) learned: &'w mut Learned,
    pub(crate) summary: &'w mut Summary,
    pub(crate) meta: &'w mut BundleMeta,
    /// Bytes of the page that are no text, in their order.
    pub(crate) foreign: &'w [Foreign],
    /// Where the unit at hand begins in the text.
    pub(crate) from: usize,
}

/// A list of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Bundle,
    Parameters,
}

impl List {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bundle => "Bundle",
            Self::Parameters => "Parameters",
        }
    }

    /// The element that holds an entry; its resource is in `resource`.
    pub(crate) fn entries(self) -> &'static str {
        match self {
            Self::Bundle => "entry",
            Self::Parameters => "parameter",
        }
    }
}

/// What a unit of a page turned out to be.
pub(crate) enum Found<'a> {
    /// A resource some table wants; its values are pushed.
    Wanted(u32),
    /// An OperationOutcome no table wants.
    Outcome(Element<'a>),
    /// A resource of a type no table wants.
    Other(Cow<'a, str>),
    /// A resource that does not say its type.
    Untyped,
    /// An entry without a resource.
    Nothing,
}

/// Issues kept a page, at most.
const ISSUES: usize = 64;

impl Work<'_> {
    /// Counts a unit the end of which has been seen, and makes its values rows.
    /// It ends at `end`.
    pub(crate) fn commit(&mut self, found: &Found<'_>, end: usize) -> Result<(), Halt> {
        if !self.foreign.is_empty() {
            self.read_foreign(end)?;
        }
        match found {
            Found::Wanted(number) => {
                let Some(of_type) = self.plan.types.get(*number as usize) else {
                    return Ok(());
                };
                let repaired = self.rows.repaired();
                let tables = &mut self.summary.tables;
                self.rows
                    .commit(&of_type.tables, tables, &self.options.limits)
                    .map_err(|limit| Halt::limit(limit, end))?;
                self.summary.repaired += repaired;
            }
            Found::Outcome(outcome) => {
                self.summary.outcomes += 1;
                self.issues(outcome);
            }
            Found::Other(name) => {
                // Most pages are of one type, so the name is looked up where it is counted already.
                if let Some(count) = self.summary.other_types.get_mut(&**name) {
                    *count += 1;
                } else {
                    let name = types::known(name).unwrap_or(types::OTHER);
                    *self.summary.other_types.entry(name.to_owned()).or_default() += 1;
                }
            }
            Found::Untyped => self.summary.no_type += 1,
            Found::Nothing => self.summary.no_resource += 1,
        }
        self.summary.entries += 1;
        Ok(())
    }

    /// Bytes of the unit that are no text: a fault, or marks at the values that hold them.
    #[cold]
    fn read_foreign(&mut self, end: usize) -> Result<(), Halt> {
        let of_unit = |foreign: &&Foreign| (self.from..end).contains(&(foreign.at as usize));
        for foreign in self.foreign.iter().filter(of_unit) {
            let what = foreign.read_as(self.options.foreign_bytes);
            self.rows
                .mark_place(foreign.at, what.ok_or(Halt::Encoding(foreign.at))?);
        }
        Ok(())
    }

    /// Keeps the head of an entry whose end has been seen.
    pub(crate) fn keep_head(&mut self, found: &Found<'_>) {
        if let Some(heads) = &mut self.meta.heads
            && !matches!(found, Found::Nothing)
        {
            heads.keep();
        }
    }

    /// The list of resources of this name that a page, or an item of one, is.
    pub(crate) fn list(&self, name: &str) -> Option<List> {
        match name {
            "Bundle" => Some(List::Bundle),
            _ => self.nested(name),
        }
    }

    /// The list of resources of this name in an entry, where its entries are taken as the page's.
    pub(crate) fn nested(&self, name: &str) -> Option<List> {
        let lists = [List::Bundle, List::Parameters];
        let list = lists.into_iter().find(|list| list.name() == name)?;
        let taken = self.options.nested == Nested::Unwrap && self.plan.type_of(name).is_none();
        taken.then_some(list)
    }

    /// Counts an entry whose resource is a list that is entered.
    pub(crate) fn unwrapped(&mut self) {
        self.summary.entries += 1;
        self.summary.unwrapped += 1;
    }

    /// Pushes a value that does not stand in the page as it is.
    pub(crate) fn push(&mut self, sinks: &[Sink], index: &[u32], value: &str) -> Result<(), Limit> {
        if sinks.is_empty() {
            return Ok(());
        }
        if value.contains(char::REPLACEMENT_CHARACTER) {
            self.rows.mark_repaired(sinks, Repaired::Character);
        }
        self.rows.push(sinks, index, value, &self.options.limits)
    }

    fn issues(&mut self, outcome: &Element<'_>) {
        let room = ISSUES.saturating_sub(self.meta.issues.len());
        let issues = outcome.named("issue").take(room).map(Issue::of);
        self.meta.issues.extend(issues);
    }

    /// Notes what the outermost resource is.
    pub(crate) fn page_is(&mut self, resource: &str) {
        if self.meta.resource.is_none() {
            let known = types::known(resource).unwrap_or(types::OTHER);
            let planned = self.plan.type_of(resource).map(|_| resource);
            self.meta.resource = Some(planned.unwrap_or(known).to_owned());
        }
    }
}

/// The empty counts of a plan's tables.
pub(crate) fn summary_of(plan: &Plan) -> Summary {
    let tables = plan
        .tables()
        .map(|table| TableSummary {
            table: table.name.clone(),
            ..TableSummary::default()
        })
        .collect();
    Summary {
        tables,
        ..Summary::default()
    }
}
