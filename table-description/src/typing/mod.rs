//! Text of a cell to a typed value, and back.
//!
//! One function a type ([`parse_boolean`], [`parse_integer`], [`parse_decimal`], [`parse_date`], [`parse_datetime`],
//! [`parse_time`]); [`read`] and [`type_text`] choose by [`FhirType`]. Each takes the spelling FHIR prescribes on a
//! fixed-position fast path; anything else goes to a careful parser that accepts the odd spellings hospitals send. Both
//! must agree, which a differential test checks.
//!
//! Blanks round a value do not matter for any type but text. Nothing here allocates, and nothing keeps the text.

mod boolean;
mod calendar;
pub(crate) mod careful;
mod date;
mod datetime;
mod decimal;
mod defect_kind;
mod integer;
mod scan;
mod text;
mod time;
mod value;
mod zone;

pub use boolean::parse_boolean;
pub use date::parse_date;
pub use datetime::{DateTime, parse_datetime};
pub use decimal::{exact_decimal, parse_decimal};
pub use defect_kind::DefectKind;
pub use integer::parse_integer;
pub use text::{write_fhir, write_sql, write_sql_hash};
pub use time::parse_time;
pub use value::{Precision, Value};
pub use zone::{Wall, Zone};

use crate::FhirType;

/// What a cell's text reads as: a value, a defect, or (a wall time that had to be moved) both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading<'a> {
    /// The value; `None` leaves the cell empty.
    pub value: Option<Value<'a>>,
    /// How much of a date or date-time was given; `None` for the other types.
    pub precision: Option<Precision>,
    /// What is to be recorded, also beside a value that was kept.
    pub defect: Option<DefectKind>,
}

impl<'a> Reading<'a> {
    fn of(value: Value<'a>) -> Self {
        Self {
            value: Some(value),
            precision: None,
            defect: None,
        }
    }

    fn without(kind: DefectKind) -> Self {
        Self {
            value: None,
            precision: None,
            defect: Some(kind),
        }
    }
}

/// Reads the text of one cell, one value of a repetition, as `fhir_type`.
///
/// Date-times are wall time of `zone`; see [`parse_datetime`].
#[must_use]
pub fn read<'a>(fhir_type: FhirType, text: &'a str, zone: &Zone) -> Reading<'a> {
    let plain = match fhir_type {
        FhirType::String => Ok(Value::Text(text)),
        FhirType::Boolean => parse_boolean(text).map(Value::Boolean),
        FhirType::Integer => parse_integer(text).map(Value::Integer),
        FhirType::Decimal => parse_decimal(text).map(Value::Decimal),
        FhirType::Time => parse_time(text).map(Value::Time),
        FhirType::Date => {
            return match parse_date(text) {
                Ok((days, precision)) => Reading {
                    value: Some(Value::Date(days)),
                    precision: Some(precision),
                    defect: None,
                },
                Err(kind) => Reading::without(kind),
            };
        }
        FhirType::DateTime => {
            return match parse_datetime(text, zone) {
                Ok(read) => Reading {
                    value: Some(Value::DateTime(read.micros)),
                    precision: Some(read.precision),
                    defect: read.shifted.then_some(DefectKind::ShiftedOutOfGap),
                },
                Err(kind) => Reading::without(kind),
            };
        }
    };
    match plain {
        Ok(value) => Reading::of(value),
        Err(kind) => Reading::without(kind),
    }
}

/// [`read`] for callers that only want to know value or no value.
///
/// # Errors
/// The kind of defect if the text has no value of this type. A wall time moved out of a gap is a value here.
pub fn type_text<'a>(
    fhir_type: FhirType,
    text: &'a str,
    zone: &Zone,
) -> Result<(Value<'a>, Option<Precision>), DefectKind> {
    let reading = read(fhir_type, text, zone);
    match (reading.value, reading.defect) {
        (Some(value), _) => Ok((value, reading.precision)),
        (None, kind) => Err(kind.unwrap_or(DefectKind::Empty)),
    }
}
