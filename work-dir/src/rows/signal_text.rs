use std::io::Write;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use polars::prelude::{AnyValue, DataFrame, PolarsResult};
use table_description::TableDescription;
use table_description::reference::{IdRule, listed_id};

use crate::{Channels, Id2Nr, TextForm};

/// Rows in the form of the original system: patient's number, signal, times as YYYYMMDD, values. Sorted by number and
/// first time, equal lines once; rows without a patient are left out. In the tab-separated form, characters that its
/// readers refuse in a value (blank, comma, quotes, semicolon, tab, line feed) become `_`.
pub(crate) fn write(
    table: &TableDescription,
    rows: &DataFrame,
    form: TextForm,
    ids: &mut Id2Nr,
) -> PolarsResult<Vec<u8>> {
    let channels = Channels::of(table);
    let Some(patient) = channels.patient else {
        return Ok(Vec::new());
    };
    let column = |c: usize| rows.column(&table.columns[c].name);
    let patients = column(patient)?.str()?.clone();
    let cells: Vec<_> = channels
        .times
        .iter()
        .chain(&channels.values)
        .map(|&c| column(c))
        .collect::<PolarsResult<_>>()?;
    let mut lines: Vec<(u32, Vec<u8>)> = Vec::with_capacity(rows.height());
    for row in 0..rows.height() {
        let Some(reference) = patients.get(row) else {
            continue;
        };
        let number = ids.number(listed_id(reference, "Patient", IdRule::Odd).unwrap_or(reference));
        let mut line = Vec::new();
        for cell in &cells {
            line.push(if form == TextForm::Csv { b',' } else { b'\t' });
            value(&cell.get(row)?, form, &mut line);
        }
        lines.push((number, line));
    }
    // Times stand first in a line, as digits of the same length, so this is their order too.
    lines.sort();
    lines.dedup();
    let mut text = Vec::new();
    if form == TextForm::Csv {
        header(&channels, &mut text);
    }
    for (number, line) in lines {
        let separator = if form == TextForm::Csv { ',' } else { '\t' };
        write!(text, "{number}{separator}{}", table.name)?;
        text.extend_from_slice(&line);
        text.push(b'\n');
    }
    Ok(text)
}

fn header(channels: &Channels, text: &mut Vec<u8>) {
    let mut names = vec!["pid".to_owned(), "signal".to_owned()];
    names.extend((0..channels.times.len()).map(|n| format!("time_{n}")));
    names.extend((0..channels.values.len()).map(|n| format!("value_{n}")));
    text.extend_from_slice(names.join(",").as_bytes());
    text.push(b'\n');
}

fn value(value: &AnyValue<'_>, form: TextForm, line: &mut Vec<u8>) {
    let mut plain = |text: &str| line.extend_from_slice(text.as_bytes());
    match value {
        AnyValue::Null => {}
        AnyValue::Boolean(truth) => plain(if *truth { "1" } else { "0" }),
        AnyValue::Date(days) => {
            let day =
                Date::constant(1970, 1, 1).checked_add(SignedDuration::from_hours(24 * i64::from(*days)));
            plain(&day.map(|d| d.strftime("%Y%m%d").to_string()).unwrap_or_default());
        }
        AnyValue::Datetime(micros, ..) => {
            // Wall time without a zone: read as if it were UTC.
            let at = Timestamp::from_microsecond(*micros).map(|t| t.to_zoned(TimeZone::UTC));
            plain(&at.map(|z| z.strftime("%Y%m%d").to_string()).unwrap_or_default());
        }
        AnyValue::String(text) => self::text(text, form, line),
        AnyValue::StringOwned(owned) => text(owned.as_str(), form, line),
        other => plain(&other.to_string()),
    }
}

fn text(text: &str, form: TextForm, line: &mut Vec<u8>) {
    match form {
        TextForm::Tsv => {
            let refused = |c: char| matches!(c, ' ' | ',' | '"' | '\'' | ';' | '\t' | '\n' | '\r');
            line.extend_from_slice(text.replace(refused, "_").as_bytes());
        }
        TextForm::Csv if text.contains([',', '"', '\n', '\r']) || text.is_empty() => {
            line.push(b'"');
            line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            line.push(b'"');
        }
        TextForm::Csv => line.extend_from_slice(text.as_bytes()),
    }
}
