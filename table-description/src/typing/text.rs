//! Typed values back to text: FHIR's spelling, PostgreSQL's, and the one the content hash is made of.

use std::fmt::{self, Write as _};

use super::{Precision, Value, calendar};

const MICROS_PER_DAY: i64 = calendar::SECONDS_PER_DAY * calendar::MICROS_PER_SECOND;

/// How much of a fraction of a second is written.
#[derive(Clone, Copy)]
enum Fraction {
    /// None if it is zero, else without trailing zeros.
    Shortest,
    /// Always six digits.
    Six,
}

/// Appends a value as FHIR writes it, a date or date-time no further than its precision and without an offset.
///
/// Reading the text again with the same type and zone gives the same value, and the same precision if the value is at the
/// start of the period its precision names. If it is not (`2020-05-06Z` is 02:00 of that day in Berlin), the text goes as
/// far as the value does: nothing of it is left out.
pub fn write_fhir(value: &Value<'_>, precision: Option<Precision>, out: &mut Vec<u8>) {
    match *value {
        Value::Date(days) => {
            let precision = precision.unwrap_or(Precision::Day).max(reach(days, 0));
            date(days, precision, out);
        }
        Value::DateTime(micros) => {
            let (days, rest) = split(micros);
            let precision = precision.unwrap_or(Precision::Second).max(reach(days, rest));
            date(days, precision, out);
            if precision >= Precision::Minute {
                out.push(b'T');
                clock(rest, precision, Fraction::Shortest, out);
            }
        }
        _ => write_sql(value, out),
    }
}

/// The coarsest precision whose period starts at this microsecond of this day.
fn reach(days: i32, micros: i64) -> Precision {
    let (_, month, day) = calendar::civil(days);
    if micros % (60 * calendar::MICROS_PER_SECOND) != 0 {
        Precision::Second
    } else if micros != 0 {
        Precision::Minute
    } else if day > 1 {
        Precision::Day
    } else if month > 1 {
        Precision::Month
    } else {
        Precision::Year
    }
}

/// Appends a value as PostgreSQL's text form has it; what COPY and a cast from text read back unchanged.
///
/// The text is not escaped for COPY. Doubles are the shortest that read back the same.
pub fn write_sql(value: &Value<'_>, out: &mut Vec<u8>) {
    write(value, Fraction::Shortest, out);
}

/// Appends a value as the content hash of the contract takes it: like [`write_sql`], with six digits of a second.
pub fn write_sql_hash(value: &Value<'_>, out: &mut Vec<u8>) {
    write(value, Fraction::Six, out);
}

fn write(value: &Value<'_>, fraction: Fraction, out: &mut Vec<u8>) {
    match *value {
        Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        Value::Boolean(true) => out.extend_from_slice(b"true"),
        Value::Boolean(false) => out.extend_from_slice(b"false"),
        Value::Integer(number) => out.extend_from_slice(Digits::of(format_args!("{number}")).bytes()),
        Value::Decimal(number) => double(number, out),
        Value::Date(days) => date(days, Precision::Day, out),
        Value::DateTime(micros) => {
            let (days, rest) = split(micros);
            date(days, Precision::Day, out);
            out.push(b' ');
            clock(rest, Precision::Second, fraction, out);
        }
        Value::Time(micros) => clock(micros, Precision::Second, fraction, out),
    }
}

/// Day and microsecond of the day.
fn split(micros: i64) -> (i32, i64) {
    let days = micros.div_euclid(MICROS_PER_DAY);
    (
        i32::try_from(days).unwrap_or(i32::MAX),
        micros.rem_euclid(MICROS_PER_DAY),
    )
}

fn date(days: i32, precision: Precision, out: &mut Vec<u8>) {
    let (year, month, day) = calendar::civil(days);
    let year = year.unsigned_abs();
    if year > 9999 {
        out.extend_from_slice(Digits::of(format_args!("{year}")).bytes());
    } else {
        two(year / 100, out);
        two(year % 100, out);
    }
    if precision >= Precision::Month {
        out.push(b'-');
        two(month, out);
    }
    if precision >= Precision::Day {
        out.push(b'-');
        two(day, out);
    }
}

fn clock(micros: i64, precision: Precision, fraction: Fraction, out: &mut Vec<u8>) {
    let seconds = u32::try_from(micros / calendar::MICROS_PER_SECOND).unwrap_or(0);
    two(seconds / 3600, out);
    out.push(b':');
    two(seconds / 60 % 60, out);
    if precision < Precision::Second {
        return;
    }
    out.push(b':');
    two(seconds % 60, out);
    let rest = u32::try_from(micros % calendar::MICROS_PER_SECOND).unwrap_or(0);
    let six = matches!(fraction, Fraction::Six);
    if rest > 0 || six {
        out.push(b'.');
        two(rest / 10_000, out);
        two(rest / 100 % 100, out);
        two(rest % 100, out);
        while !six && out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// Two digits of a number below 100.
fn two(number: u32, out: &mut Vec<u8>) {
    out.extend([b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]);
}

/// The shortest digits that read back the same, plain between 1e-4 and 1e15 and with an exponent of at least two digits
/// beyond, as PostgreSQL 12 and later print a double.
fn double(number: f64, out: &mut Vec<u8>) {
    if !number.is_finite() {
        let name: &[u8] = if number.is_nan() {
            b"NaN"
        } else if number > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        };
        out.extend_from_slice(name);
        return;
    }
    let magnitude = number.abs();
    if magnitude == 0.0 || (1e-4..1e15).contains(&magnitude) {
        out.extend_from_slice(Digits::of(format_args!("{number}")).bytes());
        return;
    }
    let digits = Digits::of(format_args!("{number:e}"));
    let text = digits.bytes();
    let split = text.iter().position(|b| *b == b'e').unwrap_or(text.len());
    let (mantissa, exponent) = text.split_at(split);
    let exponent = exponent.get(1..).unwrap_or_default();
    let (sign, exponent) = match exponent.strip_prefix(b"-") {
        Some(rest) => (b'-', rest),
        None => (b'+', exponent),
    };
    out.extend_from_slice(mantissa);
    out.extend([b'e', sign]);
    if exponent.len() < 2 {
        out.push(b'0');
    }
    out.extend_from_slice(exponent);
}

/// A number's digits on the stack. The longest is a double between 1e-4 and 1e15: sign, 17 digits, `0.000` are 24 bytes.
struct Digits {
    bytes: [u8; 40],
    len: usize,
}

impl Digits {
    fn of(number: fmt::Arguments<'_>) -> Self {
        let mut digits = Self {
            bytes: [0; 40],
            len: 0,
        };
        let _ = digits.write_fmt(number);
        digits
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes
            .get_mut(self.len..end)
            .ok_or(fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(value: Value<'_>) -> String {
        let mut out = Vec::new();
        write_sql(&value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_read_as_postgres_prints_them() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (1000.0, "1000"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.25e-7, "1.25e-07"),
            (123_456_789_012_345.0, "123456789012345"),
            (1_234_567_890_123_456.0, "1.234567890123456e+15"),
            (1e15, "1e+15"),
            (-1e100, "-1e+100"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(sql(Value::Decimal(number)), expected);
        }
    }

    #[test]
    fn fractions_are_short_in_text_and_whole_in_the_hash() {
        let value = Value::DateTime(1_597_363_200_120_000);
        assert_eq!(sql(value), "2020-08-14 00:00:00.12");
        let mut out = Vec::new();
        write_sql_hash(&value, &mut out);
        write_sql_hash(&Value::Time(1), &mut out);
        assert_eq!(out, b"2020-08-14 00:00:00.12000000:00:00.000001");
        assert_eq!(sql(Value::Time(86_400_000_000)), "24:00:00");
        assert_eq!(sql(Value::Date(-719_162)), "0001-01-01");
    }

    #[test]
    fn precision_and_value_limit_what_fhir_text_says() {
        const NEW_YEAR: i64 = 1_577_836_800_000_000;
        const AUGUST: i64 = 1_597_363_200_000_000;
        for (micros, precision, expected) in [
            (NEW_YEAR, Precision::Year, "2020"),
            (NEW_YEAR, Precision::Month, "2020-01"),
            (NEW_YEAR, Precision::Day, "2020-01-01"),
            (NEW_YEAR, Precision::Minute, "2020-01-01T00:00"),
            (NEW_YEAR, Precision::Second, "2020-01-01T00:00:00"),
            (AUGUST, Precision::Year, "2020-08-14"),
            (AUGUST + 3_600_000_000, Precision::Day, "2020-08-14T01:00"),
            (AUGUST + 1, Precision::Day, "2020-08-14T00:00:00.000001"),
        ] {
            let mut out = Vec::new();
            write_fhir(&Value::DateTime(micros), Some(precision), &mut out);
            assert_eq!(out, expected.as_bytes());
        }
    }
}
