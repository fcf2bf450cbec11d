//! The case list as text.

use std::fmt::Write as _;

use cds_hub::Hub;
use cds_hub::frame::Kind::{Day, Moment, Number, Text};
use polars::prelude::*;

use crate::apart::apart;
use crate::birth_date::Births;
use crate::copy_text::moment;
use crate::frame::Field;
use crate::reference::first_of;
use crate::view::{Query, Snapshot};
use crate::{Error, Result};

const CASES: &[Field] = &[
    ("fall_station", Text),
    ("fall_pat_id", Text),
    ("record_id", Text),
    ("fall_aufn_dat", Moment),
    ("fall_aufn_diag", Text),
    ("fall_gewicht_aktuell", Number),
    ("fall_gewicht_aktl_einheit", Text),
];
const PEOPLE: &[Field] = &[
    ("pat_id", Text),
    ("pat_name", Text),
    ("pat_vorname", Text),
    ("pat_gebdat", Day),
];
const HEADS: [&str; 6] = ["WARD", "PATIENT", "BORN", "ADMISSION", "DIAGNOSIS", "WEIGHT"];
/// Longest text of a column, in characters; a terminal line should hold a row.
const WIDEST: usize = 40;

/// The newest delivery may have had no case; then the newest one that had is out of date.
const NOT_OUTDATED: &str = "last_processing_nr >= (SELECT coalesce(max(last_nr), 0) FROM core.import WHERE part = 'copy_fe_dp_in_to_db_log')";

/// The case list as text: ward, patient, admission, diagnosis and weight of at most `n` cases of the newest delivery.
///
/// Masked, a patient appears by the record's number; else by name and birth date, of which only what is known is shown.
///
/// # Errors
/// When the hub cannot be read.
pub async fn show(hub: &Hub, n: usize, masked: bool) -> Result<String> {
    let mut snapshot = Snapshot::open(hub).await?;
    let cases = snapshot
        .read(&Query::new("v_fall_fe_last_import", CASES).filter(NOT_OUTDATED))
        .await?;
    let people: Vec<&str> = texts(&cases, "fall_pat_id")?.into_iter().flatten().collect();
    let births = match masked {
        true => Births::default(),
        false => Births::read(&mut snapshot, &people).await?,
    };
    let people = match masked {
        true => {
            snapshot
                .read(&Query::new("v_patient_fe_last_version", PEOPLE).filter("false"))
                .await?
        }
        false => {
            snapshot
                .read(&Query::new("v_patient_fe_last_version", PEOPLE).among("pat_id", people))
                .await?
        }
    };
    snapshot.close().await?;
    apart(move || print(&list(cases, people, n)?, &births, masked)).await
}

/// The cases in order of ward and admission, with the names that are known.
fn list(cases: DataFrame, people: DataFrame, n: usize) -> Result<DataFrame> {
    let names = first_of(people.lazy(), &["pat_id"], vec![col("pat_name")], vec![false]);
    let order = ["fall_station", "fall_aufn_dat", "fall_pat_id"];
    cases
        .lazy()
        .left_join(names, col("fall_pat_id"), col("pat_id"))
        .sort(order, SortMultipleOptions::default())
        .limit(IdxSize::try_from(n).unwrap_or(IdxSize::MAX))
        .collect()
        .map_err(|e| Error::frame("case list", &e))
}

fn print(list: &DataFrame, births: &Births, masked: bool) -> Result<String> {
    let admissions = list
        .column("fall_aufn_dat")
        .and_then(|c| c.cast(&DataType::Int64))
        .map_err(|e| shape(&e))?;
    let weights = list
        .column("fall_gewicht_aktuell")
        .and_then(|c| c.f64().cloned())
        .map_err(|e| shape(&e))?;
    let (wards, records) = (texts(list, "fall_station")?, texts(list, "record_id")?);
    let born = list
        .column("pat_gebdat")
        .and_then(|c| c.cast(&DataType::Int32))
        .map_err(|e| shape(&e))?;
    let born = born.i32().map_err(|e| shape(&e))?;
    let patients = texts(list, "fall_pat_id")?;
    let (families, given) = (texts(list, "pat_name")?, texts(list, "pat_vorname")?);
    let (diagnoses, units) = (
        texts(list, "fall_aufn_diag")?,
        texts(list, "fall_gewicht_aktl_einheit")?,
    );
    let admissions = admissions.i64().map_err(|e| shape(&e))?;
    let rows: Vec<[String; 6]> = (0..list.height())
        .map(|i| {
            let text =
                |column: &[Option<&str>]| column.get(i).copied().flatten().unwrap_or_default().to_owned();
            let patient = match (text(&families), text(&given)) {
                (family, given) if family.is_empty() && given.is_empty() => {
                    format!("record {}", text(&records))
                }
                (family, given) => format!("{family}, {given}"),
            };
            let admission = admissions.get(i).and_then(moment).unwrap_or_default();
            let weight = weights
                .get(i)
                .map(|w| format!("{w} {}", text(&units)))
                .unwrap_or_default();
            [
                text(&wards),
                patient,
                births.shown(patients.get(i).copied().flatten(), born.get(i)),
                admission.chars().take(16).collect(),
                text(&diagnoses),
                weight,
            ]
            .map(|t| cut(&t))
        })
        .collect();
    Ok(table(&rows, masked))
}

/// Columns as wide as their longest text, two blanks apart.
/// Masked, the birth date is left out.
fn table(rows: &[[String; 6]], masked: bool) -> String {
    let heads = HEADS.map(str::to_owned);
    let lines = || std::iter::once(&heads).chain(rows);
    let widths: Vec<usize> = (0..HEADS.len())
        .map(|c| lines().map(|l| l[c].chars().count()).max().unwrap_or_default())
        .collect();
    let mut out = String::new();
    for line in lines() {
        let mut text = String::new();
        for ((head, cell), width) in HEADS.iter().zip(line).zip(&widths) {
            if masked && *head == "BORN" {
                continue;
            }
            let _ = write!(text, "{cell:<width$}  ");
        }
        let _ = writeln!(out, "{}", text.trim_end());
    }
    out
}

/// One line of at most [`WIDEST`] characters.
fn cut(text: &str) -> String {
    // A line feed separates diagnoses; other control characters could change what a terminal shows.
    let line = text.trim().replace('\n', "; ").replace(char::is_control, " ");
    if line.chars().count() <= WIDEST {
        line
    } else {
        line.chars().take(WIDEST - 1).chain(['…']).collect()
    }
}

fn texts<'a>(frame: &'a DataFrame, column: &str) -> Result<Vec<Option<&'a str>>> {
    Ok(frame
        .column(column)
        .and_then(|c| c.str())
        .map_err(|e| shape(&e))?
        .iter()
        .collect())
}

fn shape(error: &PolarsError) -> Error {
    Error::frame("case list", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_to_a_line() {
        assert_eq!(cut("a\nb\u{1b}[2J"), "a; b [2J");
        assert_eq!(cut(&"ä".repeat(50)).chars().count(), WIDEST);
    }

    #[test]
    fn columns_stand_under_their_heads() {
        let row = ["Station 1", "record 7", "1950", "2026-03-01 08:00", "", "80 kg"].map(str::to_owned);
        assert_eq!(
            table(&[row], true),
            "WARD       PATIENT   ADMISSION         DIAGNOSIS  WEIGHT\nStation 1  record 7  2026-03-01 08:00             80 kg\n"
        );
    }
}
