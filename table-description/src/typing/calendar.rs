//! The proleptic Gregorian calendar as arithmetic on days since 1970-01-01.

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(super) const SECONDS_PER_DAY: i64 = 86_400;

/// Day 1 of year 1 and the last day of year 9999: the years FHIR can write.
pub(super) const FIRST_DAY: i64 = -719_162;
pub(super) const LAST_DAY: i64 = 2_932_896;

/// Days since 1970-01-01 of a day that exists; years 1 to 9999, month and day counted from 1.
pub(super) fn days(year: u32, month: u32, day: u32) -> i32 {
    // Years run from March here, so that the leap day is a year's last; era arithmetic after Howard Hinnant's
    // "chrono-Compatible Low-Level Date Algorithms".
    let early = u32::from(month <= 2);
    let y = year + 400 - early;
    let m = month + 12 * early - 3;
    let in_year = (153 * m + 2) / 5 + day - 1;
    let total = 365 * y + y / 4 - y / 100 + y / 400 + in_year;
    total.cast_signed() - 719_468 - 146_097
}

/// Year, month and day (counted from 1) of a day between [`FIRST_DAY`] and [`LAST_DAY`].
pub(super) fn civil(days: i32) -> (i32, u32, u32) {
    let z = i64::from(days) + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (
        i32::try_from(year).unwrap_or(i32::MAX),
        u32::try_from(month).unwrap_or(1),
        u32::try_from(day).unwrap_or(1),
    )
}

/// How many days a month has; 0 for a month that is not 1 to 12.
pub(super) fn days_in_month(year: u32, month: u32) -> u32 {
    const DAYS: [u32; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap =
        month == 2 && year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    DAYS.get(month as usize).copied().unwrap_or(0) + u32::from(leap)
}

/// Whether the calendar has this day in a year FHIR can write.
pub(super) fn exists(year: u32, month: u32, day: u32) -> bool {
    (1..=9999).contains(&year) && day >= 1 && day <= days_in_month(year, month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_civil_agree_with_jiff_on_every_day() {
        let mut day = jiff::civil::date(1, 1, 1);
        let mut number = i32::try_from(FIRST_DAY).unwrap();
        loop {
            let (y, m, d) = (u32::try_from(day.year()).unwrap(), day.month(), day.day());
            assert_eq!(
                days(y, m.unsigned_abs().into(), d.unsigned_abs().into()),
                number,
                "{day}"
            );
            assert_eq!(
                civil(number),
                (
                    day.year().into(),
                    m.unsigned_abs().into(),
                    d.unsigned_abs().into()
                )
            );
            match day.tomorrow() {
                Ok(next) => day = next,
                Err(_) => break,
            }
            number += 1;
        }
        assert_eq!(i64::from(number), LAST_DAY);
    }

    #[test]
    fn leap_days_exist_where_they_should() {
        for (year, exists_) in [(2000, true), (1900, false), (2024, true), (2023, false)] {
            assert_eq!(exists(year, 2, 29), exists_, "{year}");
        }
        assert!(!exists(2024, 13, 1) && !exists(2024, 0, 1) && !exists(0, 1, 1) && !exists(2024, 4, 31));
    }
}
