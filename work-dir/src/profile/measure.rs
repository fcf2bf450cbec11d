use polars::prelude::{DataType, Series};

use super::collect::{Table, collect, kind};
use super::dictionary::Numbering;
use super::known::{Known, id_of};
use super::repeats::with_repeats;
use super::roles::{Roles, Target};
use super::shape::{ColumnProfile, Kind, TableProfile};
use super::source::Source;
use super::tally::Tally;
use crate::Error;
use crate::side_by_side::with_states;

/// Groups of columns worked on at a time, at most.
const WORKERS: usize = 4;
/// Columns of a group, at most: they are read together.
const GROUP_COLUMNS: usize = 12;
/// Numbers of a group that are in memory at a time, about.
const GROUP_NUMBERS: usize = 4_000_000;

/// Makes the profile of a table.
///
/// Columns are read some at a time on a few threads; memory holds some bytes a row and the numbers of the columns that are
/// being worked on.
///
/// # Errors
/// [`crate::ErrorKind::Rows`] or [`crate::ErrorKind::File`] when a file cannot be read.
pub fn measure(source: &Source, roles: &Roles<'_>, known: &Known) -> Result<TableProfile, Error> {
    let names = || source.columns().iter().map(|(name, _)| name.as_str());
    let (patients, different) = match roles.patient(names()) {
        Some(column) => patients(source, column)?,
        None => (row_numbers(source.rows()), 0),
    };
    let (resources, most_rows) = match roles.id(names()) {
        Some(column) => resources(source, column)?,
        None => (source.rows() as u64, u64::from(source.rows() > 0)),
    };
    let mut begin = 0;
    let pieces = source.pieces().iter().map(|piece| {
        begin += piece.rows;
        Tally::of(&patients[begin - piece.rows..begin])
    });
    let pieces: Vec<Tally> = pieces.collect();
    let table = Table {
        source,
        roles,
        known,
        patients: &patients,
        pieces: &pieces,
    };
    let groups = groups(source, roles);
    // Small tables are worked on side by side.
    let most = if source.is_small() { 1 } else { WORKERS };
    let zeros = || vec![0_u64; source.rows()];
    let (profiles, sums) = with_states(&groups, most, zeros, |hashes, group| {
        collect(table, group, hashes)
    })?;
    let mut sums = sums.into_iter();
    let mut hashes = sums.next().unwrap_or_default();
    for sum in sums {
        for (hash, more) in hashes.iter_mut().zip(sum) {
            *hash = hash.wrapping_add(more);
        }
    }
    hashes.sort_unstable();
    let duplicates = hashes.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let positions = groups.iter().flatten();
    let mut columns: Vec<(&usize, ColumnProfile)> = positions.zip(profiles.into_iter().flatten()).collect();
    columns.sort_by_key(|(position, _)| **position);
    let mut rows = Tally::default();
    pieces.iter().for_each(|piece| rows.add_all(piece));
    Ok(TableProfile {
        table: source.table().to_owned(),
        batches: source.batches(),
        rows: rows.count(),
        patients: different,
        resources,
        most_rows,
        duplicates: duplicates as u64,
        columns: columns.into_iter().map(|(_, column)| column).collect(),
    })
}

/// Positions of the columns that are read together: those with values a few at a time, all others at once.
fn groups(source: &Source, roles: &Roles<'_>) -> Vec<Vec<usize>> {
    let (mut groups, mut empty): (Vec<Vec<usize>>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut numbers = 0;
    for (position, (name, dtype)) in source.columns().iter().enumerate() {
        let values = source.values(name);
        if values == 0 {
            empty.push(position);
            continue;
        }
        let own = if kind(dtype, &roles.of(name)) == Kind::Number {
            values
        } else {
            0
        };
        match groups.last_mut() {
            Some(group) if group.len() < GROUP_COLUMNS && numbers + own <= GROUP_NUMBERS => {
                group.push(position);
                numbers += own;
            }
            _ => {
                groups.push(vec![position]);
                numbers = own;
            }
        }
    }
    groups.extend((!empty.is_empty()).then_some(empty));
    groups
}

/// The patient of each row as a number counted from 1, 0 for none, and how many there are.
fn patients(source: &Source, column: &str) -> Result<(Vec<u32>, u64), Error> {
    let mut numbering = Numbering::default();
    let mut patients = Vec::with_capacity(source.rows());
    for &piece in source.pieces() {
        let cells = source.read(piece, &[column])?;
        let Some(series) = cells.get(column) else {
            patients.resize(patients.len() + piece.rows, 0);
            continue;
        };
        let series = texts(series);
        let mut last: Option<(&str, u32)> = None;
        for (cell, repeats) in series.str().into_iter().flat_map(with_repeats) {
            let number = match (cell, last) {
                (None, _) => 0,
                (Some(cell), Some((text, number))) if repeats || text == cell => number,
                (Some(cell), _) => {
                    let number = numbering.number(id_of(cell, Target::Patient.resource()));
                    last = Some((cell, number));
                    number
                }
            };
            patients.push(number);
        }
    }
    Ok((patients, numbering.len() as u64))
}

/// How many resources the rows were melted from, and how many rows the largest gave: rows of one lie together.
fn resources(source: &Source, column: &str) -> Result<(u64, u64), Error> {
    let (mut resources, mut most, mut rows) = (0, 0, 0);
    let mut last: Option<String> = None;
    for &piece in source.pieces() {
        let cells = source.read(piece, &[column])?;
        let Some(series) = cells.get(column) else {
            continue;
        };
        let series = texts(series);
        let mut current = last.take();
        for (cell, repeats) in series.str().into_iter().flat_map(with_repeats) {
            let Some(cell) = cell else { continue };
            if !repeats && current.as_deref() != Some(cell) {
                current = Some(cell.to_owned());
                resources += 1;
                rows = 0;
            }
            rows += 1;
            most = most.max(rows);
        }
        last = current;
    }
    Ok((resources, most))
}

/// In a table without patients every row stands for itself.
fn row_numbers(rows: usize) -> Vec<u32> {
    (1..).take(rows).collect()
}

/// A column as texts.
pub(crate) fn texts(series: &Series) -> Series {
    if *series.dtype() == DataType::String {
        return series.clone();
    }
    series
        .cast(&DataType::String)
        .unwrap_or_else(|_| Series::full_null(series.name().clone(), series.len(), &DataType::String))
}

#[cfg(test)]
mod tests {
    use polars::prelude::{Column, DataFrame, df};
    use table_description::{FhirType, TableDescription, default_description};

    use super::*;
    use crate::{FinalSignals, Id2Nr, Layout};

    /// Rows of a batch; every other one lacks columns that the next one has.
    fn rows(table: &TableDescription, batch: u32) -> DataFrame {
        let numbers: Vec<u32> = (0..500).map(|i| batch * 500 + i).collect();
        let text = |prefix: &str, modulus: u32| -> Vec<String> {
            numbers
                .iter()
                .map(|n| format!("{prefix}{}", n % modulus))
                .collect()
        };
        let value = |n: &u32| (!n.is_multiple_of(7)).then(|| f64::from(n * 7_919 % 1_001) / 8.0);
        let values: Vec<Option<f64>> = numbers.iter().map(value).collect();
        let mut rows = df!(
            "obs_id" => text("o", 1_200),
            "obs_patient_ref" => text("Patient/p", 31),
            "obs_code_code" => text("c", 5),
            "obs_valuequantity_value" => values.clone(),
            "obs_valuequantity_code" => text("u", 3),
        )
        .unwrap();
        if batch % 2 == 1 {
            let more = df!(
                "obs_referencerange_low_value" => values,
                "obs_status" => text("s", 2),
                "obs_note_text" => text("MARKER", 400),
            );
            rows.hstack_mut(more.unwrap().columns()).unwrap();
        }
        // Many more than are read together: the number's code is read with others.
        let texts = table
            .columns
            .iter()
            .filter(|column| column.fhir_type == FhirType::String);
        let open: Vec<&str> = texts
            .map(|column| column.name.as_str())
            .filter(|name| !name.starts_with("obs_v") && rows.column(name).is_err())
            .collect();
        for name in open {
            let cells = Column::new(name.into(), text(name, 11));
            rows.hstack_mut(&[cells]).unwrap();
        }
        rows
    }

    #[test]
    fn a_table_read_at_once_looks_like_one_read_some_columns_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let description = default_description();
        let table = description.table("observation").unwrap();
        let signals = FinalSignals::new(layout.clone(), None, Id2Nr::open(&layout, None).unwrap());
        for batch in 0..5 {
            signals.write(table, batch, vec![rows(table, batch)]).unwrap();
        }
        let roles = Roles::new(Some(table));
        let open = || Source::open(&layout, "observation", None).unwrap();
        let known = Known::default();
        let at_once = measure(&open().read_if_small().unwrap(), &roles, &known).unwrap();
        let in_groups = measure(&open(), &roles, &known).unwrap();
        assert_eq!(at_once, in_groups);
        assert_eq!(
            (at_once.rows.rows, at_once.patients, at_once.columns.len()),
            (2_500, 31, table.columns.len())
        );
        let low = at_once.column("obs_referencerange_low_value").unwrap();
        assert!(low.filled.rows > 800 && low.empty.rows > 1_500 && low.empty.patients == 20);
        assert!(at_once.column("obs_valuequantity_value").unwrap().groups.len() == 15);
        assert!(groups(&open(), &roles).len() > 3);
    }
}
