//! Draws signals from the typed rows of one table.

use std::collections::HashMap;

use polars::prelude::{DataType, Series, TimeUnit};
use table_description::TableDescription;

use super::catalogue::{Catalogue, Kind, Signal, is_name};
use super::collect::{Fact, Facts, Value};
use crate::Error;
use crate::checks::ucum::{Conversion, convert, meant};
use crate::profile::{Cells, Roles, Source, id_of, texts};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// Element whose codes say what an observation is.
const CODE: &str = "code/coding/code";

/// The facts that these rows have for the signals of a catalogue. `medications` has the codes of each medication, for what
/// is prescribed by reference.
///
/// # Errors
/// When the rows cannot be read.
pub fn draw<S: std::hash::BuildHasher>(
    source: &Source,
    table: &TableDescription,
    catalogue: &Catalogue,
    medications: &HashMap<String, Vec<String>, S>,
) -> Result<Facts, Error> {
    let own = catalogue
        .signals
        .iter()
        .filter(|(_, signal)| signal.table == table.name);
    let plans: Vec<Plan<'_>> = own
        .filter_map(|(name, signal)| Plan::of(name, signal, table))
        .collect();
    let (mut by_code, mut others): (HashMap<&str, Vec<&Plan<'_>>>, Vec<&Plan<'_>>) = Default::default();
    for plan in &plans {
        match plan.signal.filter.get(CODE) {
            Some(codes) => codes
                .iter()
                .for_each(|code| by_code.entry(code).or_default().push(plan)),
            None => others.push(plan),
        }
    }
    let unnamed = catalogue.others.then(|| Unnamed::of(table)).flatten();
    let code_column = column(table, CODE);
    let roles = Roles::new(Some(table));
    let names = || source.columns().iter().map(|(name, _)| name.as_str());
    let (patient, id) = (roles.patient(names()), roles.id(names()));
    let (Some(patient), Some(id)) = (patient, id) else {
        return Ok(Facts::default());
    };
    let mut wanted: Vec<&str> = plans.iter().flat_map(Plan::columns).collect();
    wanted.extend(unnamed.iter().flat_map(|u| u.plan_columns()));
    wanted.extend([patient, id].into_iter().chain(code_column));
    wanted.sort_unstable();
    wanted.dedup();
    let mut facts = Facts::default();
    let mut conversions = Conversions::default();
    for &piece in source.pieces() {
        let cells = Piece::of(&source.read(piece, &wanted)?, &wanted);
        for row in 0..piece.rows {
            let Some(patient) = cells.text(patient, row) else {
                continue;
            };
            let whose = (id_of(patient, "Patient"), cells.text(id, row).unwrap_or(""));
            let code = code_column.and_then(|column| cells.text(column, row));
            let named = code.and_then(|code| by_code.get(code));
            for plan in named.into_iter().flatten().chain(&others) {
                plan.row(&cells, row, whose, medications, &mut conversions, &mut facts);
            }
            if let (Some(unnamed), Some(code), None) = (&unnamed, code, named) {
                unnamed.row(&cells, row, whose, code, &mut facts);
            }
        }
    }
    Ok(facts)
}

fn column<'t>(table: &'t TableDescription, path: &str) -> Option<&'t str> {
    table
        .position_of_path(path)
        .map(|position| table.columns[position].name.as_str())
}

/// A signal with the columns it is drawn from.
struct Plan<'c> {
    name: &'c str,
    signal: &'c Signal,
    filter: Vec<(&'c str, &'c [String])>,
    begin: Vec<&'c str>,
    end: Vec<&'c str>,
    value: Option<&'c str>,
    unit: Option<&'c str>,
    through: Option<&'c str>,
}

impl<'c> Plan<'c> {
    /// `None` where the table lacks an element it needs.
    fn of(name: &'c str, signal: &'c Signal, table: &'c TableDescription) -> Option<Self> {
        let all = |paths: &'c [String]| {
            paths
                .iter()
                .filter_map(|path| column(table, path))
                .collect::<Vec<_>>()
        };
        let filter = signal
            .filter
            .iter()
            .map(|(path, values)| Some((column(table, path)?, values.as_slice())));
        let through = match &signal.through {
            Some(path) => Some(column(table, path)?),
            None => None,
        };
        let value = match (&signal.value, through) {
            (Some(path), None) => Some(column(table, path)?),
            _ => None,
        };
        let plan = Self {
            name,
            signal,
            filter: filter.collect::<Option<_>>()?,
            begin: all(&signal.time),
            end: all(&signal.end),
            value,
            unit: signal.unit_of.as_deref().and_then(|path| column(table, path)),
            through,
        };
        (!plan.begin.is_empty() || signal.kind == Kind::Once).then_some(plan)
    }

    fn columns(&self) -> impl Iterator<Item = &'c str> {
        let filter: Vec<&'c str> = self.filter.iter().map(|(column, _)| *column).collect();
        let one = [self.value, self.unit, self.through].into_iter().flatten();
        let all: Vec<&'c str> = filter
            .into_iter()
            .chain(self.begin.clone())
            .chain(self.end.clone())
            .chain(one)
            .collect();
        all.into_iter()
    }

    fn row<S: std::hash::BuildHasher>(
        &self,
        cells: &Piece,
        row: usize,
        (patient, id): (&str, &str),
        medications: &HashMap<String, Vec<String>, S>,
        conversions: &mut Conversions,
        facts: &mut Facts,
    ) {
        let fits = |(column, values): &(&str, &[String])| {
            cells
                .text(column, row)
                .is_some_and(|cell| values.iter().any(|value| value == cell))
        };
        if !self.filter.iter().all(fits) {
            return;
        }
        let first = |columns: &[&str]| columns.iter().find_map(|column| cells.moment(column, row));
        let begin = first(&self.begin);
        if begin.is_none() && self.signal.kind != Kind::Once {
            facts.leave_out(self.name, "no time");
            return;
        }
        let mut fact = Fact {
            patient: patient.to_owned(),
            id: id.to_owned(),
            begin,
            end: first(&self.end),
            value: Value::None,
            unit: None,
        };
        if let Some(through) = self.through {
            let Some(reference) = cells.text(through, row) else {
                return;
            };
            match medications.get(id_of(reference, "Medication")) {
                Some(codes) => codes.iter().for_each(|code| {
                    fact.value = Value::Code(code.clone());
                    facts.add(self.name, fact.clone());
                }),
                None => facts.leave_out(self.name, "the medication is not there"),
            }
            return;
        }
        let value = self.value.and_then(|column| cells.value(column, row));
        match (self.signal.kind, value) {
            (Kind::Number, Some(Value::Number(number))) => {
                let target = self.signal.unit.as_deref().unwrap_or("1");
                let unit = self.unit.and_then(|column| cells.text(column, row)).unwrap_or("");
                match conversions.of(unit, target, self.signal.molar) {
                    Some(conversion) => {
                        fact.value = Value::Number(conversion.of(number));
                        fact.unit = Some(target.to_owned());
                        facts.add(self.name, fact);
                    }
                    None if unit.is_empty() => facts.leave_out(self.name, "no unit"),
                    None => facts.leave_out(self.name, "the unit cannot be converted"),
                }
            }
            (Kind::Period, value) => {
                fact.value = value.unwrap_or(Value::None);
                facts.add(self.name, fact);
            }
            (Kind::Category | Kind::Once, Some(value)) => {
                fact.value = value;
                facts.add(self.name, fact);
            }
            (_, _) => facts.leave_out(self.name, "no value"),
        }
    }
}

/// Numbers of observations that no signal takes.
struct Unnamed<'t> {
    value: &'t str,
    unit: Option<&'t str>,
    time: Vec<&'t str>,
}

impl<'t> Unnamed<'t> {
    fn of(table: &'t TableDescription) -> Option<Self> {
        if table.name != "observation" {
            return None;
        }
        let times = ["effectiveDateTime", "effectivePeriod/start"];
        Some(Self {
            value: column(table, "valueQuantity/value")?,
            unit: column(table, "valueQuantity/code"),
            time: times.iter().filter_map(|path| column(table, path)).collect(),
        })
    }

    fn plan_columns(&self) -> impl Iterator<Item = &'t str> {
        let time = self.time.clone();
        [Some(self.value), self.unit].into_iter().flatten().chain(time)
    }

    fn row(&self, cells: &Piece, row: usize, (patient, id): (&str, &str), code: &str, facts: &mut Facts) {
        let name = format!("Observation_{code}");
        let begin = self.time.iter().find_map(|column| cells.moment(column, row));
        let (Some(value @ Value::Number(_)), true, true) =
            (cells.value(self.value, row), begin.is_some(), is_name(&name))
        else {
            return;
        };
        let unit = self.unit.and_then(|column| cells.text(column, row));
        let fact = Fact {
            patient: patient.to_owned(),
            id: id.to_owned(),
            begin,
            end: None,
            value,
            unit: unit.map(str::to_owned),
        };
        facts.add(&name, fact);
    }
}

/// Conversions that were looked up, by unit and target.
#[derive(Default)]
struct Conversions(HashMap<(String, String), Option<Conversion>>);

impl Conversions {
    fn of(&mut self, unit: &str, target: &str, molar: Option<f64>) -> Option<Conversion> {
        // A text that is no unit of UCUM but whose meaning is customary is that unit.
        let look = || {
            if unit.is_empty() {
                // A bare number is that of a signal without a unit; as a share it may mean one or a hundred.
                return convert("1", target, molar).filter(|one| one.is_identity());
            }
            let found = convert(unit, target, molar);
            found.or_else(|| convert(&meant(unit)?, target, molar))
        };
        let key = (unit.to_owned(), target.to_owned());
        // The mass of a mole belongs to the signal, and a signal has one target.
        if molar.is_some() {
            return look();
        }
        *self.0.entry(key).or_insert_with(look)
    }
}

/// Columns of a piece, each as what it is read for.
struct Piece(HashMap<String, Column>);

enum Column {
    Text(Series),
    Number(Vec<Option<f64>>),
    Moment(Vec<Option<i64>>),
    Day(Vec<Option<i32>>),
}

impl Piece {
    fn of(cells: &Cells, wanted: &[&str]) -> Self {
        let read = |name: &&str| Some(((*name).to_owned(), Column::of(cells.get(name)?)));
        Self(wanted.iter().filter_map(read).collect())
    }

    fn text(&self, column: &str, row: usize) -> Option<&str> {
        match self.0.get(column)? {
            Column::Text(series) => series.str().ok()?.get(row),
            _ => None,
        }
    }

    fn moment(&self, column: &str, row: usize) -> Option<i64> {
        match self.0.get(column)? {
            Column::Moment(moments) => *moments.get(row)?,
            Column::Day(days) => days.get(row)?.map(|day| i64::from(day) * DAY),
            _ => None,
        }
    }

    fn value(&self, column: &str, row: usize) -> Option<Value> {
        match self.0.get(column)? {
            Column::Text(series) => series
                .str()
                .ok()?
                .get(row)
                .map(|text| Value::Code(text.to_owned())),
            Column::Number(numbers) => numbers.get(row)?.filter(|n| n.is_finite()).map(Value::Number),
            Column::Day(days) => days.get(row)?.map(Value::Day),
            Column::Moment(moments) => {
                let day = moments.get(row)?.map(|moment| moment.div_euclid(DAY))?;
                i32::try_from(day).ok().map(Value::Day)
            }
        }
    }
}

impl Column {
    fn of(series: &Series) -> Self {
        let physical = || {
            let series = series
                .to_physical_repr()
                .cast(&DataType::Int64)
                .unwrap_or_default();
            series
                .i64()
                .into_iter()
                .flat_map(|cells| cells.iter())
                .collect::<Vec<Option<i64>>>()
        };
        match series.dtype() {
            DataType::Date => Self::Day(
                physical()
                    .into_iter()
                    .map(|day| i32::try_from(day?).ok())
                    .collect(),
            ),
            DataType::Datetime(unit, _) => {
                let (up, down) = match unit {
                    TimeUnit::Milliseconds => (1_000, 1),
                    TimeUnit::Microseconds => (1, 1),
                    TimeUnit::Nanoseconds => (1, 1_000),
                };
                Self::Moment(
                    physical()
                        .into_iter()
                        .map(|moment| Some(moment? * up / down))
                        .collect(),
                )
            }
            dtype if dtype.is_primitive_numeric() => {
                let numbers = series.cast(&DataType::Float64).unwrap_or_default();
                Self::Number(numbers.f64().into_iter().flat_map(|cells| cells.iter()).collect())
            }
            _ => Self::Text(texts(series).rechunk()),
        }
    }
}
