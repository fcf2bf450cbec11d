//! Facts as lines of the original system: patient's number, signal, times, value, unit.

use super::catalogue::{Kind, Signal};
use super::collect::{Fact, Value};
use crate::profile::civil;

/// What stands for a code that is absent.
pub(crate) const ABSENT: &str = "EMPTY";
/// The end of a period that has none yet.
const OPEN_END: &str = "99991231";
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A line of a text file, as it is sorted: patient's number, times, value.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(crate) struct Line {
    pub(crate) pid: u32,
    pub(crate) begin: i64,
    pub(crate) end: i64,
    pub(crate) number: f64,
    pub(crate) code: String,
    pub(crate) unit: String,
}

impl Line {
    pub(crate) fn of(pid: u32, fact: &Fact) -> Self {
        let (number, code) = match &fact.value {
            Value::Number(number) => (*number, String::new()),
            Value::Code(code) => (0.0, category(code)),
            Value::Day(day) => (f64::from(written(*day)), String::new()),
            Value::None => (0.0, ABSENT.to_owned()),
        };
        let day = |moment: Option<i64>| moment.map_or(i64::MAX, |moment| moment.div_euclid(DAY));
        Self {
            pid,
            begin: day(fact.begin),
            end: day(fact.end),
            number,
            code,
            unit: fact.unit.as_deref().map_or_else(|| ABSENT.to_owned(), category),
        }
    }

    /// The line with its end.
    pub(crate) fn write(&self, name: &str, signal: &Signal, out: &mut String) {
        use std::fmt::Write;
        let _ = write!(out, "{}\t{name}", self.pid);
        if signal.kind != Kind::Once {
            let _ = write!(out, "\t{}", date(self.begin));
        }
        if signal.kind == Kind::Period {
            let _ = write!(out, "\t{}", date(self.end));
        }
        let _ = match signal.kind {
            Kind::Number => writeln!(out, "\t{}\t{}", self.number, self.unit),
            _ if self.code.is_empty() => writeln!(out, "\t{}", self.number),
            _ => writeln!(out, "\t{}", self.code),
        };
    }
}

/// A day as `YYYYMMDD`; one that nobody knows yet is a far one.
fn date(day: i64) -> String {
    match i32::try_from(day).ok().map(written) {
        Some(date) if (19_000_101..=99_991_231).contains(&date) => date.to_string(),
        _ => OPEN_END.to_owned(),
    }
}

fn written(day: i32) -> i32 {
    let (year, month, day) = civil(day);
    year.saturating_mul(10_000) + i32::from(month) * 100 + i32::from(day)
}

/// A code without the characters that separate fields: comma, blank, quotes, tab, semicolon.
pub(crate) fn category(code: &str) -> String {
    let plain = |c: char| {
        let odd = c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '"' | '\'');
        if odd { '_' } else { c }
    };
    let code: String = code.trim().chars().map(plain).collect();
    if code.is_empty() { ABSENT.to_owned() } else { code }
}
