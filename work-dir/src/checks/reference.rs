use std::collections::BTreeMap;
use std::path::Path;

use super::Rules;
use crate::profile::{ColumnProfile, Numbers, TableProfile};
use crate::{Error, ErrorKind};

/// Medians that come with the program: LOINC code, unit, median. Figures of adult inpatients; only quantities whose median
/// stays within a factor of two of them in any hospital, so that what fails is a mistake of unit.
const BUILT_IN: [(&str, &str, f64); 22] = [
    ("718-7", "g/dL", 12.3),
    ("4544-3", "%", 37.0),
    ("789-8", "10*6/uL", 4.2),
    ("787-2", "fL", 90.0),
    ("785-6", "pg", 30.0),
    ("786-4", "g/dL", 33.0),
    ("6690-2", "10*3/uL", 8.5),
    ("777-3", "10*3/uL", 230.0),
    ("2951-2", "mmol/L", 139.0),
    ("2823-3", "mmol/L", 4.1),
    ("2075-0", "mmol/L", 103.0),
    ("2000-8", "mmol/L", 2.25),
    ("2601-3", "mmol/L", 0.82),
    ("2885-2", "g/dL", 6.6),
    ("1751-7", "g/dL", 3.6),
    ("2744-1", "[pH]", 7.39),
    ("8310-5", "Cel", 36.8),
    ("8867-4", "/min", 82.0),
    ("9279-1", "/min", 18.0),
    ("2708-6", "%", 96.0),
    ("59408-5", "%", 96.0),
    ("8480-6", "mm[Hg]", 124.0),
];

/// Reference distributions: quantile and value by what they are of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct References {
    of: BTreeMap<String, Vec<(f64, f64)>>,
    built_in: bool,
}

impl References {
    /// The distributions of all files that the rules name, under the places that the rules give them.
    ///
    /// # Errors
    /// [`ErrorKind::File`] when a file cannot be read, [`ErrorKind::Reference`] with the line that is none.
    pub fn read(rules: &Rules) -> Result<Self, Error> {
        let mut references = Self {
            of: BTreeMap::new(),
            built_in: rules.distribution.built_in,
        };
        for file in &rules.distribution.files {
            references.add(file, rules)?;
        }
        Ok(references)
    }

    fn add(&mut self, path: &Path, rules: &Rules) -> Result<(), Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        for (i, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') || (i == 0 && line.starts_with("signal\t")) {
                continue;
            }
            let (signal, q, value) =
                parse(line).ok_or_else(|| Error::new(ErrorKind::Reference(i + 1), path))?;
            let place = rules
                .distribution
                .signals
                .get(signal)
                .map_or(signal, String::as_str);
            self.of.entry(place.to_owned()).or_default().push((q, value));
        }
        for quantiles in self.of.values_mut() {
            quantiles.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        Ok(())
    }

    /// The reference of a column as a whole.
    #[must_use]
    pub fn of_column(&self, table: &str, column: &str) -> Option<&[(f64, f64)]> {
        let whole = self.of.get(&format!("{table}.{column}"));
        let signal = || (column == "value_0").then(|| self.of.get(table)).flatten();
        whole.or_else(signal).map(Vec::as_slice)
    }

    /// The reference of the numbers of one code and unit.
    #[must_use]
    pub fn of_group(&self, table: &str, column: &str, code: &str, unit: &str) -> Option<Vec<(f64, f64)>> {
        let own = self
            .of
            .get(&format!("{table}.{column}[{code}|{unit}]"))
            .or_else(|| self.of.get(&format!("{table}.{column}[{code}]")));
        let built_in = || {
            let known = BUILT_IN.iter().find(|(c, u, _)| *c == code && *u == unit);
            known
                .filter(|_| self.built_in && table == "observation")
                .map(|(.., median)| vec![(0.5, *median)])
        };
        own.cloned().or_else(built_in)
    }
}

/// The median that comes with the program for a code and unit.
pub(crate) fn median_of(code: &str, unit: &str) -> Option<f64> {
    let known = BUILT_IN.iter().find(|(c, u, _)| *c == code && *u == unit);
    known.map(|(.., median)| *median)
}

/// A line of a reference file.
fn parse(line: &str) -> Option<(&str, f64, f64)> {
    let mut fields = line.split('\t');
    let (signal, q, value) = (fields.next()?.trim(), fields.next()?, fields.next()?);
    let (q, value): (f64, f64) = (q.trim().parse().ok()?, value.trim().parse().ok()?);
    ((0.0..=1.0).contains(&q) && value.is_finite() && !signal.is_empty()).then_some((signal, q, value))
}

/// A reference file made of a run that is known to be good: every group of at least so many numbers.
#[must_use]
pub fn reference_of(profiles: &[TableProfile], min_rows: u64) -> String {
    let mut out = "signal\tq\tvalue_0\n".to_owned();
    let mut write = |place: String, numbers: &Numbers| {
        for (q, value) in numbers
            .quantiles
            .iter()
            .filter(|_| numbers.count.rows >= min_rows)
        {
            out.push_str(&format!("{place}\t{q}\t{value}\n"));
        }
    };
    for profile in profiles {
        let whole = |c: &&ColumnProfile| c.groups.is_empty();
        for column in profile.columns.iter().filter(whole) {
            if let Some(numbers) = &column.numbers {
                write(format!("{}.{}", profile.table, column.name), numbers);
            }
        }
        for column in &profile.columns {
            for group in &column.groups {
                let place = format!("{}.{}[{}|{}]", profile.table, column.name, group.code, group.unit);
                write(place, &group.numbers);
            }
        }
    }
    out
}
