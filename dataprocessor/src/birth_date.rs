//! Birth dates as far as they are known: the hub's column has a date, and a view beside it says where only a year or a
//! month was given.

use std::collections::HashMap;

use cds_hub::frame::Kind::{Day, Text, Whole};
use jiff::civil::Date;
use polars::prelude::*;

use crate::frame::Field;
use crate::view::{Query, Snapshot, is_among};
use crate::{Error, Result};

const VERSIONS: &[Field] = &[("pat_id", Text), ("patient_id", Whole), ("pat_birthdate", Day)];
const PRECISION: &[Field] = &[("id", Whole), ("precision", Text)];

/// How much of a birth date was given, by patient and date (days from 1970). A date without an entry was given in full.
#[derive(Default)]
pub(crate) struct Births(HashMap<(String, i32), String>);

impl Births {
    /// Reads what the hub knows of these patients.
    pub(crate) async fn read(snapshot: &mut Snapshot, people: &[&str]) -> Result<Self> {
        let failed = |e: PolarsError| Error::frame("birth dates", &e);
        let versions = Query::new("v_patient_last_version", VERSIONS).among("pat_id", people.iter().copied());
        let versions = snapshot.read(&versions).await?;
        let ids = versions
            .column("patient_id")
            .and_then(|c| c.i32())
            .map_err(failed)?;
        let texts: Vec<String> = ids.iter().flatten().map(|id| id.to_string()).collect();
        let precision = Query::new("v_precision", PRECISION)
            .filter("table_name = 'patient' AND column_name = 'pat_birthdate'")
            .filter(is_among("id::text", texts.iter().map(String::as_str)));
        let precision = snapshot.read(&precision).await?;
        Self::of(&versions, &precision).map_err(failed)
    }

    fn of(versions: &DataFrame, precision: &DataFrame) -> PolarsResult<Self> {
        let words = precision.column("precision")?.str()?;
        let of_row: HashMap<i32, &str> = precision
            .column("id")?
            .i32()?
            .iter()
            .zip(words.iter())
            .filter_map(|(id, word)| Some((id?, word?)))
            .collect();
        let dates = versions.column("pat_birthdate")?.cast(&DataType::Int32)?;
        let (patients, rows) = (
            versions.column("pat_id")?.str()?,
            versions.column("patient_id")?.i32()?,
        );
        let known = (0..versions.height()).filter_map(|i| {
            let word = of_row.get(&rows.get(i)?)?;
            Some((
                (patients.get(i)?.to_owned(), dates.i32().ok()?.get(i)?),
                (*word).to_owned(),
            ))
        });
        Ok(Self(known.collect()))
    }

    /// The date of a patient as far as it was given: `1950`, `1950-05` or `1950-05-05`; empty without one.
    pub(crate) fn shown(&self, patient: Option<&str>, days: Option<i32>) -> String {
        let Some(days) = days else { return String::new() };
        let epoch = Date::constant(1970, 1, 1);
        let Ok(date) = epoch.checked_add(jiff::Span::new().days(days)) else {
            return String::new();
        };
        let key = (patient.unwrap_or_default().to_owned(), days);
        match self.0.get(&key).map(String::as_str) {
            Some("year") => format!("{:04}", date.year()),
            Some("month") => format!("{:04}-{:02}", date.year(), date.month()),
            _ => date.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_is_shown() {
        let births = Births(HashMap::from([
            (("p1".to_owned(), -7305), "year".to_owned()),
            (("p2".to_owned(), -7305), "month".to_owned()),
        ]));
        for (patient, wanted) in [("p1", "1950"), ("p2", "1950-01"), ("p3", "1950-01-01")] {
            assert_eq!(births.shown(Some(patient), Some(-7305)), wanted);
        }
        assert_eq!(births.shown(Some("p1"), Some(0)), "1970-01-01");
        assert_eq!(births.shown(Some("p1"), None), "");
    }
}
