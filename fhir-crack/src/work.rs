use std::borrow::Cow;

use crate::error::Limit;
use crate::keys::Learned;
use crate::meta::{BundleMeta, Issue};
use crate::options::Options;
use crate::plan::{Plan, Sink};
use crate::rows::Rows;
use crate::summary::{Summary, TableSummary};
use crate::tree::Element;

/// What the walk over a page works on, whatever the page's format.
pub(crate) struct Work<'w> {
    pub(crate) plan: &'w Plan,
    pub(crate) options: &'w Options,
    pub(crate) rows: &'w mut Rows,
    pub(crate) learned: &'w mut Learned,
    pub(crate) summary: &'w mut Summary,
    pub(crate) meta: &'w mut BundleMeta,
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
    pub(crate) fn commit(&mut self, found: &Found<'_>) -> Result<(), Limit> {
        self.summary.entries += 1;
        match found {
            Found::Wanted(number) => {
                let Some(of_type) = self.plan.types.get(*number as usize) else {
                    return Ok(());
                };
                let tables = &mut self.summary.tables;
                return self.rows.commit(&of_type.tables, tables, &self.options.limits);
            }
            Found::Outcome(outcome) => {
                self.summary.outcomes += 1;
                self.issues(outcome);
            }
            Found::Other(name) => match self.summary.other_types.get_mut(&**name) {
                Some(count) => *count += 1,
                None => {
                    self.summary.other_types.insert(name.to_string(), 1);
                }
            },
            Found::Untyped => self.summary.no_type += 1,
            Found::Nothing => self.summary.no_resource += 1,
        }
        Ok(())
    }

    /// Pushes a value that does not stand in the page as it is.
    pub(crate) fn push(&mut self, sinks: &[Sink], index: &[u32], value: &str) -> Result<(), Limit> {
        if sinks.is_empty() {
            return Ok(());
        }
        self.rows.push(sinks, index, value, &self.options.limits)
    }

    fn issues(&mut self, outcome: &Element<'_>) {
        let room = ISSUES.saturating_sub(self.meta.issues.len());
        self.meta
            .issues
            .extend(outcome.named("issue").take(room).map(|issue| Issue {
                severity: issue.value_of("severity").unwrap_or_default().to_owned(),
                code: issue.value_of("code").unwrap_or_default().to_owned(),
            }));
    }

    /// Notes what the outermost resource is.
    pub(crate) fn page_is(&mut self, resource: &str) {
        if self.meta.resource.is_none() {
            self.meta.resource = Some(resource.to_owned());
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
