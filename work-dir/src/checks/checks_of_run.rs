use std::path::{Path, PathBuf};

use table_description::Description;

use super::reference::References;
use super::subject::Subject;
use super::{
    Outcome, Results, Rules, Severity, codes, dates, distribution, drift, log, nulls, numbers, references,
    site, structure, uniqueness, units,
};
use crate::inspect::Tables;
use crate::profile::{Files, Known, Roles, Source, TableProfile, Target, measure};
use crate::side_by_side::side_by_side;
use crate::{Error, Layout, Runs};

/// The tests of the data of one run.
#[derive(Debug)]
pub struct Checks<'d> {
    pub(super) layout: Layout,
    description: Option<&'d Description>,
    pub(super) rules: Rules,
    references: References,
    before: Option<Layout>,
    options: CheckOptions,
    /// Ids that the hub or the standing files know.
    pub(super) elsewhere: Known,
}

/// How the tests are made.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// A file of rules; without one, `checks.toml` of the run or of the directory of all runs.
    pub rules: Option<PathBuf>,
    /// Directory of a run to compare with, of the same kind as this one: an increment is not like a first load. Without one
    /// nothing is compared.
    pub before: Option<PathBuf>,
    /// Nothing stops or waits: what would is remarked.
    pub warn_only: bool,
    /// The rules of the final files hold, not those of the hub.
    pub strict: bool,
    /// What belongs to fewer patients than this is not shown.
    pub few: u32,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            rules: None,
            before: None,
            warn_only: false,
            strict: false,
            few: 5,
        }
    }
}

/// What the tests of one or more tables said.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Table and outcomes, in the order they were made.
    pub tables: Vec<(String, Vec<Outcome>)>,
}

impl Findings {
    /// The failures that keep the data from being handed on, with their tables.
    pub fn stops(&self) -> impl Iterator<Item = (&str, &Outcome)> {
        self.tables
            .iter()
            .flat_map(|(table, outcomes)| outcomes.iter().map(move |o| (table.as_str(), o)))
            .filter(|(_, outcome)| outcome.stops())
    }

    /// What to tell whoever started the run when something stops it; `None` when nothing does.
    #[must_use]
    pub fn refusal(&self, layout: &Layout) -> Option<String> {
        let mut stops = self.stops();
        let (table, first) = stops.next()?;
        let more = stops.count();
        let more = if more > 0 {
            format!(" (and {more} more, see {})", layout.tests_json().display())
        } else {
            String::new()
        };
        Some(format!(
            "{table} failed a test: {first}{more}. {}",
            ways_on(table, layout)
        ))
    }
}

/// How to go on after a failure that stops a table.
pub(crate) fn ways_on(table: &str, layout: &Layout) -> String {
    format!(
        "Look with `cds2db work inspect {table}`; then correct the source and load the table again with --override \
         {table}, or change the rules in {}, or go on in spite of it with --warn-only",
        Rules::site_file(layout).display()
    )
}

impl<'d> Checks<'d> {
    /// Reads rules and reference distributions.
    ///
    /// # Errors
    /// When one of their files cannot be read or has a fault.
    pub fn open(
        layout: &Layout,
        description: Option<&'d Description>,
        options: CheckOptions,
    ) -> Result<Self, Error> {
        let rules = Rules::of_run(layout, options.rules.as_deref())?;
        let before = match &options.before {
            Some(path) => Runs::locate(path)?.or_else(|| Some(Layout::new(path))),
            None => None,
        };
        Ok(Self {
            layout: layout.clone(),
            description,
            references: References::read(&rules)?,
            rules,
            before,
            options,
            elsewhere: Known::default(),
        })
    }

    /// Tests the rows of one batch, counted from 0, right after they were written.
    ///
    /// # Errors
    /// When they cannot be read, or the results cannot be written.
    pub fn batch(&self, table: &str, batch: u32) -> Result<Findings, Error> {
        self.batches(&[(table.to_owned(), batch)])
    }

    /// Tests the rows of batches, each on its own: table and number of the batch, counted from 0.
    ///
    /// # Errors
    /// As [`Checks::batch`].
    pub fn batches(&self, batches: &[(String, u32)]) -> Result<Findings, Error> {
        let files = Files::list(&self.layout)?;
        let outcomes = side_by_side(batches, |(table, batch)| {
            let source = Source::of(&self.layout, &files, table, Some(*batch))?.read_if_small()?;
            let description = self.description_of(table);
            let profile = measure(&source, &Roles::new(description), &Known::default())?;
            let outcomes = self.outcomes(&self.subject(&profile, description, None), &source);
            Ok(self.decided(table, outcomes))
        })?;
        let mut findings = Findings::default();
        let mut results = Results::read(&self.layout)?;
        for ((table, batch), outcomes) in batches.iter().zip(outcomes) {
            self.keep(&mut results, table, Some(*batch), &outcomes)?;
            findings.tables.push((table.clone(), outcomes));
        }
        results.write(&self.layout)?;
        Ok(findings)
    }

    /// Tests all rows of these tables, or of all, as one, and keeps their profiles for the report.
    ///
    /// # Errors
    /// When they cannot be read, or the results cannot be written.
    pub fn whole(&self, tables: &[String]) -> Result<Findings, Error> {
        let files = Files::list(&self.layout)?;
        let all = files.tables();
        let known = self.known(&files)?;
        let mut findings = Findings::default();
        let mut results = Results::read(&self.layout)?;
        // An override may have left none of a table's files.
        results.tables.retain(|table, _| all.contains(table));
        let wanted: Vec<&String> = match tables {
            [] => all.iter().collect(),
            some => some.iter().collect(),
        };
        for table in wanted {
            let source = Source::of(&self.layout, &files, table, None)?.read_if_small()?;
            let description = self.description_of(table);
            let profile = measure(&source, &Roles::new(description), &known)?;
            profile.write(&self.layout)?;
            let before = match &self.before {
                Some(before) => TableProfile::read(before, table)?,
                None => None,
            };
            let subject = self.subject(&profile, description, before.as_ref());
            let mut outcomes = self.outcomes(&subject, &source);
            if profile.batches == [0] {
                // One batch is all rows: it is not tested twice.
                self.keep(
                    &mut results,
                    table,
                    Some(0),
                    &self.decided(table, outcomes.clone()),
                )?;
            }
            outcomes.extend(references::test(&subject));
            outcomes.extend(drift::test(&subject));
            outcomes.extend(self.site(table, profile.rows.rows, &|_, _| false)?);
            let outcomes = self.decided(table, outcomes);
            self.keep(&mut results, table, None, &outcomes)?;
            findings.tables.push((table.clone(), outcomes));
        }
        results.write(&self.layout)?;
        Ok(findings)
    }

    /// The patients and encounters of the run.
    pub(super) fn known(&self, files: &Files) -> Result<Known, Error> {
        let mut known = self.elsewhere.clone();
        for target in Target::ALL {
            if !files.of(target.table()).is_empty() {
                let source = Source::of(&self.layout, files, target.table(), None)?;
                known.add(target, &source, &Roles::new(self.description_of(target.table())))?;
            }
        }
        Ok(known)
    }

    pub(super) fn description_of(&self, table: &str) -> Option<&'d table_description::TableDescription> {
        self.description.and_then(|d| d.table(table)).map(AsRef::as_ref)
    }

    pub(super) fn subject<'s>(
        &'s self,
        profile: &'s TableProfile,
        description: Option<&'s table_description::TableDescription>,
        before: Option<&'s TableProfile>,
    ) -> Subject<'s> {
        Subject {
            profile,
            description,
            rules: &self.rules,
            references: &self.references,
            before,
            few: self.options.few,
        }
    }

    /// The tests that a batch can be put to as well as all rows.
    pub(super) fn outcomes(&self, subject: &Subject<'_>, source: &Source) -> Vec<Outcome> {
        let mut outcomes = structure::test(subject, source);
        outcomes.extend(dates::test(subject));
        outcomes.extend(numbers::test(subject));
        outcomes.extend(codes::codes(subject));
        outcomes.extend(codes::systems(subject));
        outcomes.extend(nulls::test(subject));
        outcomes.push(uniqueness::duplicates(subject));
        outcomes.extend(uniqueness::singleton(subject));
        outcomes.extend(units::test(subject));
        outcomes.extend(distribution::test(subject));
        outcomes
    }

    /// The outcomes with what the rules do about each; those of tests that are off are left out.
    pub(super) fn decided(&self, table: &str, outcomes: Vec<Outcome>) -> Vec<Outcome> {
        let decide = |mut outcome: Outcome| {
            outcome.severity = self.rules.decide(table, &outcome, self.options.strict);
            let acts = matches!(outcome.severity, Severity::Stop | Severity::Hold);
            if self.options.warn_only && acts {
                outcome.severity = Severity::Remark;
            }
            outcome
        };
        let decided = outcomes.into_iter().map(decide);
        decided
            .filter(|outcome| outcome.severity != Severity::Off)
            .collect()
    }

    /// The site's own tests, on the rows of all batches but those left out.
    pub(super) fn site(
        &self,
        table: &str,
        rows: u64,
        out: &dyn Fn(&str, u32) -> bool,
    ) -> Result<Vec<Outcome>, Error> {
        let own: Vec<_> = self
            .rules
            .site
            .iter()
            .filter(|site| site.table == table && site.severity != Severity::Off)
            .collect();
        if own.is_empty() {
            return Ok(Vec::new());
        }
        let mut tables = Tables::without(&self.layout, out)?;
        Ok(own
            .into_iter()
            .map(|one| site::test(one, &mut tables, rows, self.options.few))
            .collect())
    }

    pub(super) fn keep(
        &self,
        results: &mut Results,
        table: &str,
        batch: Option<u32>,
        outcomes: &[Outcome],
    ) -> Result<(), Error> {
        log::write(&self.layout, table, batch, outcomes)?;
        results.note(table, batch, outcomes);
        Ok(())
    }

    /// The run that is compared with.
    #[must_use]
    pub fn before(&self) -> Option<&Path> {
        self.before.as_ref().map(Layout::root)
    }
}
