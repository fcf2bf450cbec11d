//! Days of the proleptic Gregorian calendar, fast enough for every cell of a table.

/// Days from 1970-01-01 to 0000-03-01, the first day of the count below.
const SHIFT: i64 = 719_468;
/// Days of 400 years.
const ERA: i64 = 146_097;

/// Year, month (1 to 12) and day (1 to 31) of a count of days from 1970-01-01.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "remainders of small divisors; years of any 32-bit count of days fit"
)]
pub(crate) fn civil(days: i32) -> (i32, u8, u8) {
    let days = i64::from(days) + SHIFT;
    let era = days.div_euclid(ERA);
    let day_of_era = days.rem_euclid(ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u8, day as u8)
}

/// Days from 1970-01-01 to a date; `None` for a day the calendar does not have.
pub(crate) fn days(year: i16, month: i8, day: i8) -> Option<i32> {
    let date = jiff::civil::Date::new(year, month, day).ok()?;
    let first = jiff::civil::date(1970, 1, 1);
    date.since((jiff::Unit::Day, first))
        .ok()
        .map(|span| span.get_days())
}

/// Days from 1970-01-01 to a date written `YYYYMMDD` or `YYYY-MM-DD`, a time behind it or not.
pub(crate) fn parse(text: &str) -> Option<i32> {
    let text = text.trim();
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
    let month_and_day = if text.as_bytes().get(4) == Some(&b'-') {
        (text.as_bytes().get(7) == Some(&b'-')).then_some((5..7, 8..10))?
    } else if text.len() == 8 {
        (4..6, 6..8)
    } else {
        return None;
    };
    let (month, day) = (number(month_and_day.0)?, number(month_and_day.1)?);
    let rest = text.as_bytes().get(10);
    if text.len() > 8 && !matches!(rest, None | Some(b'T' | b' ')) {
        return None;
    }
    days(number(0..4)?, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_back_and_forth() {
        for (year, month, day) in [
            (1970, 1, 1),
            (1900, 2, 28),
            (1900, 3, 1),
            (2000, 2, 29),
            (2024, 12, 31),
            (1, 1, 1),
            (9999, 12, 31),
        ] {
            let count = days(year, month, day).unwrap();
            assert_eq!(
                civil(count),
                (i32::from(year), month.unsigned_abs(), day.unsigned_abs())
            );
        }
        for count in -800_000..800_000 {
            let (year, month, day) = civil(count);
            let back = days(
                i16::try_from(year).unwrap(),
                month.cast_signed(),
                day.cast_signed(),
            );
            assert!(back == Some(count) || year < 1, "{count}");
            if count % 997 != 0 {
                continue;
            }
        }
    }

    #[test]
    fn texts_are_dates_or_not() {
        for text in ["20240229", "2024-02-29", "2024-02-29T12:00:00", " 2024-02-29 "] {
            assert_eq!(parse(text), days(2024, 2, 29), "{text}");
        }
        for text in [
            "",
            "20230229",
            "2024",
            "2024-02",
            "2024-13-01",
            "20240000",
            "x0240229",
            "2024-02-29x",
            "2024/02/29",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
