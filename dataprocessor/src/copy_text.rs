//! Frames as the server's text COPY format.
//!
//! Source: <https://www.postgresql.org/docs/current/sql-copy.html>, "Text Format".

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use polars::prelude::*;

use crate::{Error, ErrorKind, Result};

/// All rows of a frame; empty texts become NULL, as the hub's writers have always done.
///
/// # Errors
/// When a column has a type that no output table has.
pub(crate) fn encode(frame: &DataFrame) -> Result<String> {
    let columns: Vec<Vec<Option<String>>> = frame.columns().iter().map(texts).collect::<Result<_>>()?;
    let mut out = String::new();
    for row in 0..frame.height() {
        for (i, column) in columns.iter().enumerate() {
            if i > 0 {
                out.push('\t');
            }
            match column.get(row).and_then(Option::as_deref) {
                Some(text) if !text.is_empty() => escape(text, &mut out),
                _ => out.push_str("\\N"),
            }
        }
        out.push('\n');
    }
    Ok(out)
}

fn texts(column: &Column) -> Result<Vec<Option<String>>> {
    let other = |e: &PolarsError| Error::frame(column.name(), e);
    let column_texts = match column.dtype() {
        DataType::String => column
            .str()
            .map_err(|e| other(&e))?
            .iter()
            .map(|v| v.map(str::to_owned))
            .collect(),
        DataType::Int32 => column
            .i32()
            .map_err(|e| other(&e))?
            .iter()
            .map(|v| v.map(|v| v.to_string()))
            .collect(),
        DataType::Float64 => column
            .f64()
            .map_err(|e| other(&e))?
            .iter()
            .map(|v| v.map(|v| v.to_string()))
            .collect(),
        DataType::Date => {
            let days = column.cast(&DataType::Int32).map_err(|e| other(&e))?;
            days.i32()
                .map_err(|e| other(&e))?
                .iter()
                .map(|v| v.and_then(day))
                .collect()
        }
        DataType::Datetime(TimeUnit::Microseconds, _) => {
            let micros = column.cast(&DataType::Int64).map_err(|e| other(&e))?;
            micros
                .i64()
                .map_err(|e| other(&e))?
                .iter()
                .map(|v| v.and_then(moment))
                .collect()
        }
        DataType::Null => vec![None; column.len()],
        _ => {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("column {} has a type no output table has", column.name()),
            ));
        }
    };
    Ok(column_texts)
}

/// A day counted from 1970-01-01 as `YYYY-MM-DD`.
pub(crate) fn day(days: i32) -> Option<String> {
    let seconds = i64::from(days).checked_mul(86_400)?;
    let date: Date = Offset::UTC
        .to_datetime(Timestamp::from_second(seconds).ok()?)
        .date();
    Some(date.to_string())
}

/// Microseconds from 1970-01-01 on the wall as `YYYY-MM-DD HH:MM:SS[.ffffff]`.
pub(crate) fn moment(micros: i64) -> Option<String> {
    let time = Offset::UTC.to_datetime(Timestamp::from_microsecond(micros).ok()?);
    Some(time.to_string().replace('T', " "))
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // The server cannot store it; the column it comes from cannot hold it either.
            '\0' => {}
            c => {
                let _ = out.write_char(c);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_for_the_server() {
        let moments = Series::new("m".into(), [Some(1_700_000_000_500_000_i64), None])
            .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
            .unwrap();
        let days = Series::new("d".into(), [Some(-1_i32), None])
            .cast(&DataType::Date)
            .unwrap();
        let frame = DataFrame::new_infer_height(vec![
            Series::new("t".into(), ["a\tb\\\n", ""]).into_column(),
            Series::new("n".into(), [Some(2.5), None]).into_column(),
            moments.into_column(),
            days.into_column(),
        ])
        .unwrap();
        assert_eq!(
            encode(&frame).unwrap(),
            "a\\tb\\\\\\n\t2.5\t2023-11-14 22:13:20.5\t1969-12-31\n\\N\t\\N\t\\N\t\\N\n"
        );
    }
}
