//! The gate of a run: its rows and those that wait from before are tested apart, and each table is cleared for itself.

use std::collections::{BTreeSet, HashMap};

use super::checks_of_run::{Checks, Findings, ways_on};
use super::concerned::{all, concerned};
use super::{Clearance, Outcome, Released, Results, Subject, references};
use crate::Error;
use crate::inspect::Tables;
use crate::profile::{Files, Known, Roles, Source, Target, id_of, measure, texts};

/// The rows of a table that are tested as one.
struct Rows<'r> {
    table: &'r str,
    source: Source,
    /// Batches that are not among them.
    out: &'r dyn Fn(&str, u32) -> bool,
}

impl Checks<'_> {
    /// Notes ids that the hub or the standing files know, so that an increment may refer to them.
    pub fn know<'i>(&mut self, target: Target, ids: impl IntoIterator<Item = &'i str>) {
        self.elsewhere.add_ids(target, ids);
    }

    /// The patients and encounters that rows of these tables refer to and that are not in the run.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub fn unknown(&self, tables: &[String]) -> Result<HashMap<Target, BTreeSet<String>>, Error> {
        let files = Files::list(&self.layout)?;
        let mut known = self.known(&files)?;
        let mut unknown: HashMap<Target, BTreeSet<String>> = HashMap::new();
        for target in Target::ALL {
            known.add_ids(target, []);
            unknown.entry(target).or_default();
        }
        for table in tables {
            if files.of(table).is_empty() {
                continue;
            }
            let source = Source::of(&self.layout, &files, table, None)?;
            let roles = Roles::new(self.description_of(table));
            let columns = source.columns().iter().map(|(name, _)| name.as_str());
            let columns: Vec<(&str, Target)> = columns
                .filter_map(|name| Some((name, roles.of(name).target?)))
                .collect();
            let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            for &piece in source.pieces() {
                let cells = source.read(piece, &names)?;
                for &(column, target) in &columns {
                    let Some(series) = cells.get(column) else { continue };
                    let series = texts(series);
                    let references = series.str().into_iter().flat_map(|cells| cells.iter().flatten());
                    let ids = references.map(|reference| id_of(reference, target.resource()));
                    let lost = ids.filter(|id| !known.has(target, id));
                    unknown.entry(target).or_default().extend(lost.map(str::to_owned));
                }
            }
        }
        Ok(unknown)
    }

    /// Tests the batches that a run brought and, apart from them, those with rows that waited from earlier runs; says what
    /// becomes of each table. What waits from before and fails goes on waiting, and keeps nothing of this run back.
    ///
    /// # Errors
    /// When rows cannot be read, or results cannot be written.
    pub fn clear(
        &self,
        own: &[(String, u32)],
        waited: &[(String, u32)],
    ) -> Result<(Findings, Clearance), Error> {
        let is_waiting = |table: &str, batch: u32| waited.iter().any(|(t, b)| t == table && *b == batch);
        let is_own = |table: &str, batch: u32| !is_waiting(table, batch);
        let files = Files::list(&self.layout)?;
        let known = self.known(&files)?;
        let released = Released::read(&self.layout)?;
        let mut findings = Findings::default();
        let mut clearance = Clearance::default();
        let mut results = Results::read(&self.layout)?;
        let tables: BTreeSet<&str> = own
            .iter()
            .chain(waited)
            .map(|(table, _)| table.as_str())
            .collect();
        for table in tables {
            let open = |out: &dyn Fn(&str, u32) -> bool| {
                let wanted = |batch| !out(table, batch);
                match files.of(table).iter().any(|file| wanted(file.batch)) {
                    true => Source::of_batches(&self.layout, &files, table, &wanted)?
                        .read_if_small()
                        .map(Some),
                    false => Ok(None),
                }
            };
            if let Some(source) = open(&is_waiting)? {
                let rows = Rows {
                    table,
                    source,
                    out: &is_waiting,
                };
                let outcomes = self.own(&rows, &known, &released, &mut results, &mut clearance)?;
                findings.tables.push((table.to_owned(), outcomes));
            }
            if waited.iter().any(|(name, _)| name == table)
                && let Some(source) = open(&is_own)?
            {
                let rows = Rows {
                    table,
                    source,
                    out: &is_own,
                };
                self.waited(&rows, &known, &released, &mut clearance)?;
            }
        }
        results.write(&self.layout)?;
        clearance.write(&self.layout)?;
        Ok((findings, clearance))
    }

    /// Clears the rows that the run brought.
    fn own(
        &self,
        rows: &Rows<'_>,
        known: &Known,
        released: &Released,
        results: &mut Results,
        clearance: &mut Clearance,
    ) -> Result<Vec<Outcome>, Error> {
        let description = self.description_of(rows.table);
        let profile = measure(&rows.source, &Roles::new(description), known)?;
        profile.write(&self.layout)?;
        let subject = self.subject(&profile, description, None);
        let outcomes = self.all_outcomes(rows, &subject)?;
        self.keep(results, rows.table, None, &outcomes)?;
        for outcome in outcomes.iter().filter(|o| o.stops()) {
            let why = format!("{outcome}. {}", ways_on(rows.table, &self.layout));
            clearance.stop(rows.table, &why);
        }
        for outcome in outcomes.iter().filter(|o| o.holds()) {
            match self.concerned(rows, &subject, known, outcome)? {
                Some(ids) => clearance.hold(rows.table, ids, &reason(outcome), released),
                None => clearance.stop(
                    rows.table,
                    &format!("{outcome}; the resources cannot be told apart"),
                ),
            }
        }
        clearance.remark(rows.table, &outcomes);
        Ok(outcomes)
    }

    /// Clears rows that waited: where something stops, all of them wait on.
    fn waited(
        &self,
        rows: &Rows<'_>,
        known: &Known,
        released: &Released,
        clearance: &mut Clearance,
    ) -> Result<(), Error> {
        let description = self.description_of(rows.table);
        let profile = measure(&rows.source, &Roles::new(description), known)?;
        let subject = self.subject(&profile, description, None);
        let outcomes = self.all_outcomes(rows, &subject)?;
        for outcome in outcomes.iter().filter(|o| o.stops() || o.holds()) {
            let found = if outcome.holds() {
                self.concerned(rows, &subject, known, outcome)?
            } else {
                None
            };
            match found.map_or_else(|| all(&subject, &rows.source), |ids| Ok(Some(ids)))? {
                Some(ids) => clearance.hold(rows.table, ids, &reason(outcome), released),
                None => clearance.stop(rows.table, &outcome.to_string()),
            }
        }
        Ok(())
    }

    fn all_outcomes(&self, rows: &Rows<'_>, subject: &Subject<'_>) -> Result<Vec<Outcome>, Error> {
        let mut outcomes = self.outcomes(subject, &rows.source);
        outcomes.extend(references::test(subject));
        outcomes.extend(self.site(rows.table, subject.profile.rows.rows, rows.out)?);
        Ok(self.decided(rows.table, outcomes))
    }

    /// The resources that fail a test, of rows or of the site; `None` where they cannot be told.
    fn concerned(
        &self,
        rows: &Rows<'_>,
        subject: &Subject<'_>,
        known: &Known,
        outcome: &Outcome,
    ) -> Result<Option<super::concerned::Ids>, Error> {
        let own = self
            .rules
            .site
            .iter()
            .find(|s| s.name == outcome.test && s.table == rows.table);
        let ids = match own {
            Some(site) => self.ids_of_site(rows, subject, &site.sql)?,
            None => concerned(subject, &rows.source, known, outcome)?,
        };
        Ok(ids.filter(|ids| !ids.is_empty()))
    }
}

impl Checks<'_> {
    /// The resources that a query of the site selects by their id.
    fn ids_of_site(
        &self,
        rows: &Rows<'_>,
        subject: &Subject<'_>,
        sql: &str,
    ) -> Result<Option<super::concerned::Ids>, Error> {
        let roles = Roles::new(subject.description);
        let Some(id) = roles.id(rows.source.columns().iter().map(|(name, _)| name.as_str())) else {
            return Ok(None);
        };
        let mut tables = Tables::without(&self.layout, rows.out)?;
        // A query that cannot be answered has failed already.
        let Ok(answer) = tables.ask(sql) else {
            return Ok(None);
        };
        let Ok(column) = answer.column(id) else {
            return Ok(None);
        };
        let series = texts(column.as_materialized_series());
        let cells = series.str().into_iter().flat_map(|cells| cells.iter().flatten());
        Ok(Some(cells.map(|id| (id.to_owned(), String::new())).collect()))
    }
}

/// A reason that names test, place and no value.
fn reason(outcome: &Outcome) -> String {
    if outcome.place.is_empty() {
        outcome.test.clone()
    } else {
        format!("{} {}", outcome.test, outcome.place)
    }
}
