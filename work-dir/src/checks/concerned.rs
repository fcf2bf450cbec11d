//! Which resources a failed test is about, so that they can wait while the others are handed on.

use std::collections::BTreeMap;

use polars::prelude::{DataType, Series, TimeUnit};

use super::{Outcome, Subject, ucum};
use crate::Error;
use crate::profile::{
    Cells, Known, Plausibility, Plausible, Role, Roles, Source, civil, id_of, parse_day, texts,
};

/// Ids of resources and, where the table has it, the version of each.
pub(crate) type Ids = BTreeMap<String, String>;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// The resources whose rows fail this test; `None` where they cannot be told.
///
/// # Errors
/// When the rows cannot be read.
pub(crate) fn concerned(
    subject: &Subject<'_>,
    source: &Source,
    known: &Known,
    outcome: &Outcome,
) -> Result<Option<Ids>, Error> {
    let roles = Roles::new(subject.description);
    let names = || source.columns().iter().map(|(name, _)| name.as_str());
    let (Some(id), Some(about)) = (roles.id(names()), &outcome.about) else {
        return Ok(None);
    };
    let role = roles.of(&about.column);
    let (code, unit) = role.by.clone().unwrap_or_default();
    let version = version_column(subject);
    let mut columns = vec![id, about.column.as_str()];
    columns.extend([&code, &unit, &version].into_iter().flatten().map(String::as_str));
    let mut ids = Ids::new();
    for &piece in source.pieces() {
        let cells = source.read(piece, &columns)?;
        let wrong: Vec<bool> = match (outcome.test.as_str(), cells.get(&about.column)) {
            ("nulls", None) => vec![true; piece.rows],
            (_, None) => continue,
            ("distribution" | "tails", Some(series)) => {
                let (wanted_code, wanted_unit) = about.group.clone().unwrap_or_default();
                let code = equal(&cells, code.as_deref(), &wanted_code, piece.rows);
                let unit = equal(&cells, unit.as_deref(), &wanted_unit, piece.rows);
                let filled = series.is_not_null();
                let filled = filled.iter().map(|f| f == Some(true));
                let all = about.group.is_none();
                filled
                    .zip(code.into_iter().zip(unit))
                    .map(|(filled, (code, unit))| filled && (all || code && unit))
                    .collect()
            }
            (test, Some(series)) => wrong(test, series, &role, subject, known, &about.column),
        };
        let (of, versions) = (
            cells.get(id).map(texts),
            version.as_deref().and_then(|v| cells.get(v)).map(texts),
        );
        let Some(of) = of else { continue };
        let cell = |series: &Series, row: usize| -> Option<String> {
            series.str().ok()?.get(row).map(str::to_owned)
        };
        for (row, _) in wrong.iter().enumerate().filter(|(_, wrong)| **wrong) {
            if let Some(id) = cell(&of, row) {
                let version = versions.as_ref().and_then(|v| cell(v, row));
                ids.insert(id, version.unwrap_or_default());
            }
        }
    }
    Ok(Some(ids))
}

/// All resources of these rows.
///
/// # Errors
/// When the rows cannot be read.
pub(crate) fn all(subject: &Subject<'_>, source: &Source) -> Result<Option<Ids>, Error> {
    let roles = Roles::new(subject.description);
    let Some(id) = roles.id(source.columns().iter().map(|(name, _)| name.as_str())) else {
        return Ok(None);
    };
    let mut ids = Ids::new();
    for &piece in source.pieces() {
        if let Some(series) = source.read(piece, &[id])?.get(id) {
            let series = texts(series);
            ids.extend(
                series
                    .str()
                    .into_iter()
                    .flat_map(|c| c.iter().flatten())
                    .map(|id| (id.to_owned(), String::new())),
            );
        }
    }
    Ok(Some(ids))
}

/// Column with the version of the resource.
fn version_column(subject: &Subject<'_>) -> Option<String> {
    let table = subject.description?;
    let position = table.position_of_path("meta/versionId")?;
    Some(table.columns[position].name.clone())
}

/// Which cells fail a test that looks at each for itself.
fn wrong(
    test: &str,
    series: &Series,
    role: &Role,
    subject: &Subject<'_>,
    known: &Known,
    column: &str,
) -> Vec<bool> {
    let by_text = |wrong: &dyn Fn(&str) -> bool| -> Vec<bool> {
        let series = texts(series);
        series
            .str()
            .into_iter()
            .flat_map(|c| c.iter())
            .map(|cell| cell.is_some_and(wrong))
            .collect()
    };
    match test {
        "dates" => {
            let plausible = Plausible::of(role.planned);
            let rules = &subject.rules.dates;
            let outside = |day: i32| {
                let year = civil(day).0;
                year <= rules.after_year || year >= rules.before_year
            };
            days(series)
                .into_iter()
                .map(|day| match day {
                    Cell::Empty => false,
                    Cell::Unreadable => true,
                    Cell::Day(day) => match plausible.judge(day) {
                        Plausibility::OpenEnd | Plausibility::OpenBegin => false,
                        Plausibility::Implausible => true,
                        Plausibility::Plausible => outside(day),
                    },
                })
                .collect()
        }
        "numbers" => {
            let filled = series.is_not_null();
            let numbers = series.cast(&DataType::Float64).unwrap_or_default();
            let finite = numbers.f64().into_iter().flat_map(|c| c.iter());
            filled
                .iter()
                .zip(finite)
                .map(|(filled, n)| filled == Some(true) && n.is_none_or(|n| !n.is_finite()))
                .collect()
        }
        "codes" | "categories" => by_text(&|code| role.charset.is_odd(code)),
        "units" => by_text(&|unit| ucum::check(unit).is_err()),
        "nulls" => series.is_null().iter().map(|empty| empty == Some(true)).collect(),
        "systems" => {
            let place = format!("{}.{column}", subject.profile.table);
            let expected = subject.rules.systems.expected.get(&place);
            by_text(&|system| expected.is_some_and(|all| !all.iter().any(|one| one == system)))
        }
        "references" => {
            let Some(target) = role.target else {
                return vec![false; series.len()];
            };
            by_text(&|cell| !known.has(target, id_of(cell, target.resource())))
        }
        _ => vec![false; series.len()],
    }
}

/// Which rows have this text in a column; an absent cell is an empty text.
fn equal(cells: &Cells, column: Option<&str>, text: &str, rows: usize) -> Vec<bool> {
    match column.and_then(|column| cells.get(column)) {
        Some(series) => {
            let series = texts(series);
            series
                .str()
                .into_iter()
                .flat_map(|c| c.iter())
                .map(|cell| cell.unwrap_or("") == text)
                .collect()
        }
        None => vec![text.is_empty(); rows],
    }
}

enum Cell {
    Empty,
    Unreadable,
    Day(i32),
}

/// The cells as days from 1970-01-01.
fn days(series: &Series) -> Vec<Cell> {
    let unit = match series.dtype() {
        DataType::String => {
            let cells = series.str().into_iter().flat_map(|c| c.iter());
            return cells
                .map(|cell| match cell {
                    None => Cell::Empty,
                    Some(cell) => parse_day(cell).map_or(Cell::Unreadable, Cell::Day),
                })
                .collect();
        }
        DataType::Datetime(TimeUnit::Milliseconds, _) => DAY / 1_000,
        DataType::Datetime(TimeUnit::Nanoseconds, _) => DAY * 1_000,
        DataType::Datetime(TimeUnit::Microseconds, _) => DAY,
        _ => 1,
    };
    let moments = series
        .to_physical_repr()
        .cast(&DataType::Int64)
        .unwrap_or_default();
    let cells = moments.i64().into_iter().flat_map(|c| c.iter());
    cells
        .map(|cell| match cell {
            None => Cell::Empty,
            Some(cell) => i32::try_from(cell.div_euclid(unit)).map_or(Cell::Unreadable, Cell::Day),
        })
        .collect()
}
