//! The values of a signal, as its page shows them.

use std::collections::BTreeMap;
use std::path::Path;

use polars::prelude::DataFrame;
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;

use crate::profile::{Count, Numbers, PATIENT_CAP, Sample, distribution};
use crate::{Error, ErrorKind};

/// The values of a file.
pub(super) enum Values {
    Numbers(Numbers),
    Codes(Vec<(String, Count)>, Count),
    Days(Count),
}

impl Values {
    /// `None` where there is no file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::file(path, e)),
        };
        let failed = |e| Error::caused(ErrorKind::Rows, path, e);
        let rows = ParquetReader::new(file).finish().map_err(failed)?;
        Self::of(&rows).map(Some).map_err(failed)
    }

    fn of(rows: &DataFrame) -> polars::prelude::PolarsResult<Self> {
        let patients: Vec<u32> = rows
            .column("pid")?
            .u32()?
            .iter()
            .map(Option::unwrap_or_default)
            .collect();
        let Ok(values) = rows.column("value_0") else {
            return Ok(Self::Days(count(&patients)));
        };
        if let Ok(numbers) = values.f64() {
            let samples = numbers.iter().zip(&patients);
            let mut samples: Vec<Sample> = samples
                .filter_map(|(value, patient)| {
                    Some(Sample {
                        value: value?,
                        patient: *patient,
                        group: 0,
                    })
                })
                .collect();
            return Ok(Self::Numbers(distribution(&mut samples)));
        }
        let mut by_code: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        let texts = values.str()?;
        for (code, patient) in texts.iter().zip(&patients) {
            if let Some(code) = code {
                by_code.entry(code).or_default().push(*patient);
            }
        }
        if by_code.is_empty() {
            return Ok(Self::Days(count(&patients)));
        }
        let mut codes: Vec<(String, Count)> = by_code
            .into_iter()
            .map(|(code, patients)| (code.to_owned(), count(&patients)))
            .collect();
        codes.sort_by(|a, b| b.1.rows.cmp(&a.1.rows).then_with(|| a.0.cmp(&b.0)));
        Ok(Self::Codes(codes, count(&patients)))
    }

    pub(super) fn rows(&self) -> Count {
        match self {
            Self::Numbers(numbers) => numbers.count,
            Self::Codes(_, count) | Self::Days(count) => *count,
        }
    }

    pub(super) fn numbers(&self) -> Option<&Numbers> {
        match self {
            Self::Numbers(numbers) => Some(numbers),
            _ => None,
        }
    }
}

/// Rows and patients, up to the cap.
fn count(patients: &[u32]) -> Count {
    let mut seen: Vec<u32> = Vec::new();
    for patient in patients {
        if seen.len() < PATIENT_CAP as usize && !seen.contains(patient) {
            seen.push(*patient);
        }
    }
    Count {
        rows: patients.len() as u64,
        patients: u32::try_from(seen.len()).unwrap_or(PATIENT_CAP),
    }
}
