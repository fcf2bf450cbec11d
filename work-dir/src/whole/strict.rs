//! The final files: one a signal, of the whole, replaced only where what is new in it passes the strict rules.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use serde::{Deserialize, Serialize};
use table_description::Description;

use super::Whole;
use crate::checks::{Outcome, References, Rules, Severity, median_of};
use crate::profile::{Plausibility, Plausible, Source, quantile, ratio, share};
use crate::rep_configs::write_rep_configs;
use crate::signals::{
    Catalogue, Fact, Facts, Shape, Value, Written, facts, site_catalogue, write, write_loader,
};
use crate::state::private;
use crate::{Error, ErrorKind, Id2Nr, Layout};

/// Folder of the final files, beside the directories of the runs.
const FINAL: &str = "FinalSignals";
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// How the final files of each signal stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalState {
    /// By signal.
    pub signals: BTreeMap<String, SignalState>,
    /// Signals that somebody let through: the next time their files are replaced whatever the tests say.
    #[serde(default)]
    pub released: BTreeSet<String>,
}

/// How the files of one signal stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalState {
    /// Lines of its text file.
    pub rows: usize,
    /// The run up to which its files are good; 0 where there are none yet.
    pub good_until: i32,
    /// Why they were not replaced since: the test and what it found, and the ways on. No value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_back: Option<String>,
    /// How the whole differs from the one before: rows that are gone, a median that moved. Said, and stops nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// Rows that gave no line, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
}

impl FinalState {
    /// Reads the state of a directory.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when it cannot be read.
    pub fn read(base: &Path) -> Result<Self, Error> {
        let path = state_file(base);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| Error::new(ErrorKind::File, &path)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(Error::file(&path, e)),
        }
    }

    /// Lets a signal through: its files are replaced the next time.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub fn release(base: &Path, signal: &str) -> Result<(), Error> {
        let mut state = Self::read(base)?;
        state.released.insert(signal.to_owned());
        state.write(base)
    }

    fn write(&self, base: &Path) -> Result<(), Error> {
        let path = state_file(base);
        let write = || private::replace(&path, &serde_json::to_vec_pretty(self)?);
        write().map_err(|e| Error::file(&path, e))
    }

    /// The signals whose files were not replaced, and why.
    pub fn kept_back(&self) -> impl Iterator<Item = (&str, &str)> {
        self.signals
            .iter()
            .filter_map(|(name, state)| Some((name.as_str(), state.kept_back.as_deref()?)))
    }
}

fn state_file(base: &Path) -> PathBuf {
    base.join("signals.json")
}

impl Whole {
    /// Replaces the final files of all signals whose new facts pass the strict rules; the others stay as they are.
    ///
    /// # Errors
    /// When rows or rules cannot be read, or a file cannot be written.
    pub fn write_final(
        &self,
        run: i32,
        description: &Description,
        ids: &mut Id2Nr,
    ) -> Result<FinalState, Error> {
        let base = self.base();
        let layout = Layout::new(base);
        let rules = Rules::of_run(&layout, None)?;
        let catalogue = Catalogue::with(&site_catalogue(&layout))?;
        let open = |table: &str| {
            let files = self.files(table)?;
            if files.is_empty() {
                Ok(None)
            } else {
                Source::of_files(table, &files).map(Some)
            }
        };
        let mut all = facts(description, &catalogue, &open)?;
        let mut state = FinalState::read(base)?;
        let directory = base.join(FINAL);
        let mut passed = Facts::default();
        let names: BTreeSet<String> = all
            .signals
            .keys()
            .cloned()
            .chain(all.left_out.keys().map(|(name, _)| name.clone()))
            .collect();
        for name in names {
            let of = all.signals.remove(&name).unwrap_or_default();
            let left: BTreeMap<String, u64> = all
                .left_out
                .iter()
                .filter(|((signal, _), _)| *signal == name)
                .map(|((_, why), rows)| ((*why).to_owned(), *rows))
                .collect();
            let new = Increment::of(&directory, &name, &of)?;
            let outcomes = new.outcomes(&name, &of, &left, &catalogue, &rules);
            let stops = outcomes
                .iter()
                .find(|o| rules.decide(&name, o, true) == Severity::Stop);
            let entry = state.signals.entry(name.clone()).or_default();
            entry.left_out = left;
            entry.drift = new.drift(&of, &rules);
            match stops.filter(|_| !state.released.contains(&name)) {
                Some(outcome) => entry.kept_back = Some(kept_back(&name, outcome, &layout)),
                None => {
                    entry.kept_back = None;
                    entry.good_until = run;
                    state.released.remove(&name);
                    if !of.is_empty() {
                        passed.signals.insert(name, of);
                    }
                }
            }
        }
        let mut written = write(&directory, None, &passed, &catalogue, ids)?;
        for one in &written {
            if let Some(entry) = state.signals.get_mut(&one.name) {
                entry.rows = one.rows;
            }
        }
        // Files that stay are loaded too.
        for (name, _) in state
            .kept_back()
            .filter(|(name, _)| directory.join(name).exists())
        {
            let signal = catalogue
                .signals
                .get(name)
                .map(|signal| Shape::of(signal, description));
            written.extend(signal.map(|shape| Written {
                name: name.to_owned(),
                shape,
                path: directory.join(name),
                rows: 0,
                categories: BTreeSet::new(),
            }));
        }
        copy_ids(ids, &directory)?;
        write_loader(base, FINAL, &written)?;
        write_rep_configs(self, base, description)?;
        state.write(base)?;
        Ok(state)
    }
}

fn copy_ids(ids: &Id2Nr, directory: &Path) -> Result<(), Error> {
    let to = directory.join("ID2NR");
    let copy = || private::replace(&to, &std::fs::read(ids.path())?);
    copy().map_err(|e| Error::file(&to, e))
}

fn kept_back(signal: &str, outcome: &Outcome, layout: &Layout) -> String {
    format!(
        "{}: {}. The final files stay as they were: correct the source and load the table again with --override, or change \
         [final.table.{signal}] in {}, or let it through with cds2db work release {signal}",
        outcome.test,
        outcome.found,
        Rules::site_file(layout).display()
    )
}

fn median(numbers: &mut [f64]) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    quantile(numbers, 0.5)
}

/// What a signal has that its last good file has not.
struct Increment<'f> {
    new: Vec<&'f Fact>,
    /// Numbers of the last good file.
    good: Vec<f64>,
    /// Rows of the last good file.
    rows: usize,
}

impl<'f> Increment<'f> {
    fn of(directory: &Path, name: &str, all: &'f [Fact]) -> Result<Self, Error> {
        let path = directory.join(format!("{name}.parquet"));
        if !path.exists() {
            return Ok(Self {
                new: all.iter().collect(),
                good: Vec::new(),
                rows: 0,
            });
        }
        let file = std::fs::File::open(&path).map_err(|e| Error::file(&path, e))?;
        let rows = ParquetReader::new(file)
            .finish()
            .map_err(|e| Error::caused(ErrorKind::Rows, &path, e))?;
        let failed = |e| Error::caused(ErrorKind::Rows, &path, e);
        let ids = rows.column("id").map_err(failed)?.clone();
        let numbers = rows.column("value_0").ok().and_then(|c| c.f64().ok().cloned());
        let mut known: HashSet<(String, u64)> = HashSet::new();
        let mut good = Vec::new();
        for (row, id) in ids.str().map_err(failed)?.iter().enumerate() {
            let number = numbers.as_ref().and_then(|n| n.get(row));
            good.extend(number);
            known.insert((id.unwrap_or_default().to_owned(), number.unwrap_or(0.0).to_bits()));
        }
        let is_new = |fact: &&Fact| {
            let number = if let Value::Number(n) = fact.value { n } else { 0.0 };
            !known.contains(&(fact.id.clone(), number.to_bits()))
        };
        Ok(Self {
            new: all.iter().filter(is_new).collect(),
            good,
            rows: rows.height(),
        })
    }

    /// The tests that a signal's new facts are put to.
    fn outcomes(
        &self,
        name: &str,
        all: &[Fact],
        left: &BTreeMap<String, u64>,
        catalogue: &Catalogue,
        rules: &Rules,
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let of = self.new.len() as u64;
        let plausible = Plausible::of(false);
        let wrong = self.new.iter().filter(|fact| {
            let day = fact
                .begin
                .and_then(|moment| i32::try_from(moment.div_euclid(DAY)).ok());
            day.is_some_and(|day| plausible.judge(day) == Plausibility::Implausible)
        });
        let wrong = wrong.count() as u64;
        if wrong > 0 {
            let found = format!("{wrong} of {of} new times lie before 1900 or too far in the future");
            outcomes.push(Outcome::failed("dates", Severity::Stop, name, found, "").among(wrong, of));
        }
        let unconverted: u64 = left
            .iter()
            .filter(|(why, _)| why.contains("unit"))
            .map(|(_, rows)| *rows)
            .sum();
        if unconverted > 0 {
            let of = all.len() as u64 + unconverted;
            let found = format!("{unconverted} of {of} numbers have no unit that can be converted");
            outcomes.push(Outcome::failed("units", Severity::Stop, name, found, "").among(unconverted, of));
        }
        outcomes.extend(self.distribution(name, catalogue, rules));
        outcomes
    }

    /// How all facts differ from those of the last good file.
    fn drift(&self, all: &[Fact], rules: &Rules) -> Vec<String> {
        let limits = &rules.drift;
        let mut found = Vec::new();
        if (self.rows as u64) < limits.min_rows {
            return found;
        }
        let fewer = 1.0 - share(all.len() as u64, self.rows as u64);
        if fewer > limits.rows {
            let (percent, rows) = (fewer * 100.0, self.rows);
            found.push(format!(
                "{percent:.1} % fewer rows than the {rows} of its last good files"
            ));
        }
        let mut now: Vec<f64> = all.iter().filter_map(Fact::number).collect();
        let mut good = self.good.clone();
        if now.len() as u64 >= limits.min_rows && good.len() as u64 >= limits.min_rows {
            let (now, good) = (median(&mut now), median(&mut good));
            if let Some(factor) = now.zip(good).and_then(|(now, good)| ratio(now, good))
                && factor > limits.median
            {
                found.push(format!(
                    "the median of all numbers differs {factor:.2} times from that of its last good files"
                ));
            }
        }
        found
    }

    fn distribution(&self, name: &str, catalogue: &Catalogue, rules: &Rules) -> Option<Outcome> {
        let mut numbers: Vec<f64> = self.new.iter().filter_map(|fact| fact.number()).collect();
        if (numbers.len() as u64) < rules.distribution.min_rows {
            return None;
        }
        let now = median(&mut numbers)?;
        let mut good = self.good.clone();
        let given = References::read(rules).ok()?;
        let given = given
            .of_column(name, "value_0")
            .and_then(|q| q.iter().find(|(q, _)| (q - 0.5).abs() < 1e-12));
        let (then, what) = if let Some((_, then)) = given {
            (*then, "as the reference has")
        } else if good.len() as u64 >= rules.distribution.min_rows {
            (median(&mut good)?, "as its files have")
        } else {
            let signal = catalogue.signals.get(name)?;
            let codes = signal.filter.get("code/coding/code")?;
            let unit = signal.unit.as_deref()?;
            (
                codes.iter().find_map(|code| median_of(code, unit))?,
                "as the reference has",
            )
        };
        let factor = ratio(now, then)?;
        let rows = numbers.len() as u64;
        (factor > rules.distribution.median).then(|| {
            let direction = if now > then { "high" } else { "low" };
            let found =
                format!("the median of {rows} new numbers is {factor:.1} times as {direction} {what}");
            Outcome::failed("distribution", Severity::Stop, name, found, "").among(rows, rows)
        })
    }
}
