use polars::prelude::{DataType, Series, TimeUnit};
use table_description::FhirType;

use super::civil;
use super::days::{DayCounts, Plausible};
use super::dictionary::{Dictionary, LIMIT};
use super::grouped::Groups;
use super::hash::{self, Hashes, mix};
use super::known::{Known, id_of};
use super::measure::texts;
use super::numbers::{Sample, distribution};
use super::part::Cells;
use super::repeats::with_repeats;
use super::roles::{Role, Roles};
use super::shape::{Code, ColumnProfile, Kind, Unknown};
use super::source::Source;
use super::tally::Tally;
use super::units::Units;
use crate::Error;

/// What every column of a table is read with.
#[derive(Clone, Copy)]
pub(crate) struct Table<'t> {
    pub(crate) source: &'t Source,
    pub(crate) roles: &'t Roles<'t>,
    pub(crate) known: &'t Known,
    pub(crate) patients: &'t [u32],
    /// The tally of all rows of each piece.
    pub(crate) pieces: &'t [Tally],
}

/// What a column's cells are counted in.
struct Column<'t> {
    table: Table<'t>,
    name: &'t str,
    kind: Kind,
    role: Role,
    /// Tells the cells of this column from equal ones of others.
    seed: u64,
    filled: Tally,
    empty: Tally,
    unreadable: Tally,
    odd: Tally,
    dictionary: Dictionary,
    distinct: Hashes,
    samples: Vec<Sample>,
    groups: Groups,
    days: DayCounts,
    units: Units,
    unknown: Tally,
    unknown_ids: Hashes,
}

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Reads columns together and adds the hashes of their cells to those of the rows.
pub(crate) fn collect(
    table: Table<'_>,
    positions: &[usize],
    hashes: &mut [u64],
) -> Result<Vec<ColumnProfile>, Error> {
    let columns = table.source.columns();
    let mut made: Vec<Column<'_>> = positions
        .iter()
        .filter_map(|&position| columns.get(position))
        .map(|(name, dtype)| Column::new(table, name, dtype))
        .collect();
    let mut names: Vec<&str> = made.iter().map(|column| column.name).collect();
    let roles: Vec<Role> = made.iter().map(|column| column.role.clone()).collect();
    names.extend(roles.iter().flat_map(beside));
    names.sort_unstable();
    names.dedup();
    let mut begin = 0;
    for (&piece, all) in table.source.pieces().iter().zip(table.pieces) {
        let rows = begin..begin + piece.rows;
        begin += piece.rows;
        let cells = table.source.read(piece, &names)?;
        let patients = &table.patients[rows.clone()];
        for column in &mut made {
            column.piece(&cells, all, patients, &mut hashes[rows.clone()]);
        }
    }
    Ok(made.into_iter().map(Column::finish).collect())
}

/// The columns that a column is divided by, and the system of its units.
fn beside(role: &Role) -> impl Iterator<Item = &str> {
    let by = role
        .by
        .iter()
        .flat_map(|(code, unit)| [code.as_deref(), unit.as_deref()]);
    let system = role.unit.iter().map(|system| system.as_deref());
    by.chain(system).flatten()
}

/// The type a column is counted as: the declared one where the file has text.
pub(crate) fn kind(dtype: &DataType, role: &Role) -> Kind {
    match dtype {
        DataType::Boolean => Kind::Boolean,
        DataType::Date => Kind::Date,
        DataType::Datetime(..) => Kind::DateTime,
        DataType::Time => Kind::Time,
        dtype if dtype.is_primitive_numeric() => Kind::Number,
        _ => match role.declared {
            Some(FhirType::Decimal | FhirType::Integer) => Kind::Number,
            Some(FhirType::Date) => Kind::Date,
            Some(FhirType::DateTime) => Kind::DateTime,
            _ => Kind::Text,
        },
    }
}

impl<'t> Column<'t> {
    fn new(table: Table<'t>, name: &'t str, dtype: &DataType) -> Self {
        let role = table.roles.of(name);
        let planned = role.planned;
        Self {
            table,
            name,
            kind: kind(dtype, &role),
            seed: hash::text(name.as_bytes()),
            role,
            filled: Tally::default(),
            empty: Tally::default(),
            unreadable: Tally::default(),
            odd: Tally::default(),
            dictionary: Dictionary::default(),
            distinct: Hashes::default(),
            samples: Vec::new(),
            groups: Groups::default(),
            days: DayCounts::new(Plausible::of(planned)),
            units: Units::default(),
            unknown: Tally::default(),
            unknown_ids: Hashes::default(),
        }
    }

    /// Counts the cells of a piece; `all` is the tally of its rows.
    fn piece(&mut self, cells: &Cells, all: &Tally, patients: &[u32], hashes: &mut [u64]) {
        let Some(series) = cells.get(self.name) else {
            self.empty.add_all(all);
            return;
        };
        // Most columns of most tables have no value.
        if series.null_count() == series.len() && self.role.unit.is_none() {
            self.empty.add_all(all);
            return;
        }
        let (kind, seed) = (self.kind, self.seed);
        let mut hashed = |row: usize, cell: u64| {
            if let Some(hash) = hashes.get_mut(row) {
                *hash = hash.wrapping_add(mix(cell, seed));
            }
        };
        let is_text = *series.dtype() == DataType::String;
        match kind {
            Kind::Text => self.text(&texts(series), patients, &mut hashed),
            Kind::Boolean => {
                for (row, cell) in series.bool().into_iter().flat_map(|c| c.iter()).enumerate() {
                    let patient = patients[row];
                    let Some(cell) = self.present(cell, patient) else {
                        continue;
                    };
                    let text = if cell { "true" } else { "false" };
                    let hash = hash::text(text.as_bytes());
                    self.dictionary.add(hash, text, patient);
                    hashed(row, hash);
                }
            }
            Kind::Number => {
                let groups = self.groups_of(cells, series);
                self.samples.reserve_exact(series.len() - series.null_count());
                if is_text {
                    for (row, cell) in series.str().into_iter().flat_map(|c| c.iter()).enumerate() {
                        let number = cell.map(|cell| cell.trim().parse().unwrap_or(f64::NAN));
                        self.number(number, patients[row], group(&groups, row), |h| hashed(row, h));
                    }
                } else {
                    let numbers = series.cast(&DataType::Float64).unwrap_or_default();
                    for (row, cell) in numbers.f64().into_iter().flat_map(|c| c.iter()).enumerate() {
                        self.number(cell, patients[row], group(&groups, row), |h| hashed(row, h));
                    }
                }
            }
            Kind::Date | Kind::DateTime if is_text => {
                for (row, cell) in series.str().into_iter().flat_map(|c| c.iter()).enumerate() {
                    let Some(cell) = self.present(cell, patients[row]) else {
                        continue;
                    };
                    hashed(row, hash::text(cell.as_bytes()));
                    match civil::parse(cell) {
                        Some(day) => self.days.add(day, patients[row]),
                        None => self.unreadable.add(patients[row]),
                    }
                }
            }
            Kind::Date | Kind::DateTime => self.dates(series, patients, &mut hashed),
            Kind::Time => {
                let times = series.cast(&DataType::Int64).unwrap_or_default();
                for (row, cell) in times.i64().into_iter().flat_map(|c| c.iter()).enumerate() {
                    if let Some(cell) = self.present(cell, patients[row]) {
                        hashed(row, cell.cast_unsigned());
                    }
                }
            }
        }
        if let Some(system) = &self.role.unit {
            let system = system.as_deref().and_then(|system| cells.get(system));
            self.units.piece(&texts(series), system, patients);
        }
    }

    /// Counts a cell as filled or empty.
    fn present<T>(&mut self, cell: Option<T>, patient: u32) -> Option<T> {
        match cell {
            Some(_) => self.filled.add(patient),
            None => self.empty.add(patient),
        }
        cell
    }

    fn text(&mut self, series: &Series, patients: &[u32], hashed: &mut impl FnMut(usize, u64)) {
        let known = self.role.target.and_then(|target| self.table.known.ids(target));
        let resource = self.role.target.map_or("", super::roles::Target::resource);
        let mut last: Option<(&str, u64, bool)> = None;
        for (row, (cell, repeats)) in series.str().into_iter().flat_map(with_repeats).enumerate() {
            let patient = patients[row];
            let Some(cell) = self.present(cell, patient) else {
                continue;
            };
            let (hash, lost) = match last {
                Some((text, hash, lost)) if repeats || text == cell => (hash, lost),
                _ => {
                    let id = known.map(|_| hash::text(id_of(cell, resource).as_bytes()));
                    let lost = id.filter(|id| known.is_some_and(|known| !known.contains(id)));
                    self.unknown_ids.extend(lost);
                    (hash::text(cell.as_bytes()), lost.is_some())
                }
            };
            last = Some((cell, hash, lost));
            hashed(row, hash);
            if lost {
                self.unknown.add(patient);
            }
            if self.role.coded {
                if self.dictionary.add(hash, cell, patient)
                    && self.dictionary.is_full()
                    && self.role.charset.is_odd(cell)
                {
                    self.odd.add(patient);
                }
            } else if self.distinct.len() <= LIMIT {
                self.distinct.insert(hash);
            }
        }
    }

    fn number(&mut self, number: Option<f64>, patient: u32, group: u32, hashed: impl FnOnce(u64)) {
        let Some(value) = self.present(number, patient) else {
            return;
        };
        hashed(value.to_bits());
        if value.is_finite() {
            self.samples.push(Sample {
                value,
                patient,
                group,
            });
        } else {
            self.unreadable.add(patient);
        }
    }

    fn dates(&mut self, series: &Series, patients: &[u32], hashed: &mut impl FnMut(usize, u64)) {
        let unit = match series.dtype() {
            DataType::Datetime(TimeUnit::Milliseconds, _) => DAY / 1_000,
            DataType::Datetime(TimeUnit::Nanoseconds, _) => DAY * 1_000,
            DataType::Datetime(TimeUnit::Microseconds, _) => DAY,
            _ => 1,
        };
        let moments = series
            .to_physical_repr()
            .cast(&DataType::Int64)
            .unwrap_or_default();
        for (row, cell) in moments.i64().into_iter().flat_map(|c| c.iter()).enumerate() {
            let Some(cell) = self.present(cell, patients[row]) else {
                continue;
            };
            hashed(row, cell.cast_unsigned());
            match i32::try_from(cell.div_euclid(unit)) {
                Ok(day) => self.days.add(day, patients[row]),
                Err(_) => self.unreadable.add(patients[row]),
            }
        }
    }

    /// The group of each row of a piece.
    fn groups_of(&mut self, cells: &Cells, numbers: &Series) -> Vec<u32> {
        let Some((code, unit)) = &self.role.by else {
            return Vec::new();
        };
        let read = |column: &Option<String>| column.as_deref().and_then(|column| cells.get(column));
        let filled = numbers.is_not_null();
        let filled = filled.iter().map(|filled| filled == Some(true));
        self.groups.piece(read(code), read(unit), filled)
    }

    fn finish(mut self) -> ColumnProfile {
        let kind = self.kind;
        let full = self.dictionary.is_full() || self.distinct.len() > LIMIT;
        let counted = self.dictionary.len().max(self.distinct.len()) as u64;
        let mut odd = self.odd.count();
        let mut codes = Vec::new();
        for (value, count, people) in self.dictionary.into_counts() {
            if self.role.charset.is_odd(&value) {
                odd = odd.and(count);
            }
            codes.push(Code {
                value: value.into_string(),
                count,
                people,
            });
        }
        if full {
            codes.clear();
        }
        let known = self.role.target.and_then(|target| self.table.known.ids(target));
        let numbers = (kind == Kind::Number).then(|| distribution(&mut self.samples));
        let groups = self.groups.finish(&self.samples);
        ColumnProfile {
            name: self.name.to_owned(),
            kind,
            filled: self.filled.count(),
            empty: self.empty.count(),
            distinct: (!full && matches!(kind, Kind::Text | Kind::Boolean)).then_some(counted),
            unreadable: self.unreadable.count(),
            odd,
            unknown: known.map(|_| Unknown {
                rows: self.unknown.count(),
                ids: self.unknown_ids.len() as u64,
            }),
            numbers,
            groups,
            days: matches!(kind, Kind::Date | Kind::DateTime).then(|| self.days.finish()),
            codes,
            units: self.units.finish(),
        }
    }
}

fn group(groups: &[u32], row: usize) -> u32 {
    groups.get(row).copied().unwrap_or(0)
}
