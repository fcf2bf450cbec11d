//! Texts to values, written as PostgreSQL shows them.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use table_description::FhirType;

/// The value's text in the database; `None` where it cannot be typed.
pub(crate) fn typed(fhir_type: FhirType, text: &str) -> Option<String> {
    match fhir_type {
        // The database keeps no empty text.
        FhirType::String => (!text.is_empty()).then(|| text.to_owned()),
        FhirType::Boolean => ["true", "false"].contains(&text).then(|| text.to_owned()),
        FhirType::Integer => text.parse::<i32>().ok().map(|n| n.to_string()),
        FhirType::Decimal => text.parse::<f64>().ok().map(|n| n.to_string()),
        FhirType::Date => date(text.split('T').next()?).map(|d| d.to_string()),
        FhirType::Time => text.parse::<Time>().ok().map(|t| t.to_string()),
        FhirType::DateTime => wall(text).map(|t| t.strftime("%Y-%m-%d %H:%M:%S%.f").to_string()),
    }
}

/// Wall time in Berlin.
pub(crate) fn wall(text: &str) -> Option<DateTime> {
    let berlin = TimeZone::get("Europe/Berlin").expect("bundled");
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(Zoned::new(moment, berlin).datetime());
    }
    date(text).map(|d| d.at(0, 0, 0, 0)).or_else(|| text.parse().ok())
}

fn date(text: &str) -> Option<Date> {
    match text.len() {
        4 => format!("{text}-01-01").parse().ok(),
        7 => format!("{text}-01").parse().ok(),
        10 => text.parse().ok(),
        _ => None,
    }
}
