//! Dates that are being counted, and which of them are plausible.

use std::collections::{BTreeMap, HashMap};

use super::civil::{civil, days};
use super::shape::Days;
use super::tally::Tally;

/// Last year that planned dates may lie in.
const PLANNED: i16 = 2099;
/// Months of the course that are kept: the last ones, a hundred years.
const COURSE: usize = 1_200;

/// Ends that sources write for "not ended yet", as year, month and day; one day beside them is the same in another zone.
const OPEN_ENDS: [(i16, i8, i8); 2] = [(2999, 12, 31), (9999, 12, 31)];
/// The same for beginnings that nobody knows.
const OPEN_BEGINS: [(i16, i8, i8); 1] = [(1, 1, 1)];

/// What a date says at first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plausibility {
    Plausible,
    /// Customary for "not ended yet".
    OpenEnd,
    /// Customary for a beginning that nobody knows.
    OpenBegin,
    Implausible,
}

/// Which dates are plausible in a column.
#[derive(Clone, Debug)]
pub(crate) struct Plausible {
    range: std::ops::Range<i32>,
    ends: Vec<i32>,
    begins: Vec<i32>,
}

impl Plausible {
    /// From 1900 up to a day of next year, or to the end of 2099 where an element may tell of the future.
    pub(crate) fn of(planned: bool) -> Self {
        Self::until(if planned {
            PLANNED
        } else {
            jiff::Zoned::now().year()
        })
    }

    fn until(year: i16) -> Self {
        let first = days(1900, 1, 1).unwrap_or(i32::MIN);
        let end = days(year.saturating_add(1), 1, 2).unwrap_or(i32::MAX);
        let of = |dates: &[(i16, i8, i8)]| dates.iter().filter_map(|&(y, m, d)| days(y, m, d)).collect();
        Self {
            range: first..end,
            ends: of(&OPEN_ENDS),
            begins: of(&OPEN_BEGINS),
        }
    }

    pub(crate) fn judge(&self, day: i32) -> Plausibility {
        if self.range.contains(&day) {
            return Plausibility::Plausible;
        }
        let beside = |days: &[i32]| days.iter().any(|known| known.abs_diff(day) <= 1);
        match (beside(&self.ends), beside(&self.begins)) {
            (true, _) => Plausibility::OpenEnd,
            (_, true) => Plausibility::OpenBegin,
            _ => Plausibility::Implausible,
        }
    }
}

/// Days that are counted one by one before they are added up: some 170 years.
const KEPT: usize = 1 << 16;

/// Dates that are being counted: each day for itself, and added up to months and years at the end.
#[derive(Debug)]
pub(crate) struct DayCounts {
    plausible: Plausible,
    slots: HashMap<i32, usize>,
    kept: Vec<(i32, Tally)>,
    /// The day counted last and its slot: rows that lie together are often of one day.
    last: Option<(i32, usize)>,
    sums: Sums,
}

/// Sums over days.
#[derive(Debug)]
struct Sums {
    implausible: Tally,
    open_ends: Tally,
    open_begins: Tally,
    course: BTreeMap<(i32, u8), Tally>,
    years: BTreeMap<i32, Tally>,
    months: [Tally; 12],
    days: [Tally; 31],
}

impl DayCounts {
    pub(crate) fn new(plausible: Plausible) -> Self {
        Self {
            plausible,
            slots: HashMap::new(),
            kept: Vec::new(),
            last: None,
            sums: Sums {
                implausible: Tally::default(),
                open_ends: Tally::default(),
                open_begins: Tally::default(),
                course: BTreeMap::new(),
                years: BTreeMap::new(),
                months: Default::default(),
                days: std::array::from_fn(|_| Tally::default()),
            },
        }
    }

    /// Counts a date, in days from 1970-01-01.
    pub(crate) fn add(&mut self, date: i32, patient: u32) {
        let slot = match self.last {
            Some((last, slot)) if last == date => slot,
            _ => match self.slots.get(&date) {
                Some(&slot) => slot,
                None => {
                    if self.kept.len() >= KEPT {
                        self.add_up();
                    }
                    self.slots.insert(date, self.kept.len());
                    self.kept.push((date, Tally::default()));
                    self.kept.len() - 1
                }
            },
        };
        self.last = Some((date, slot));
        if let Some((_, tally)) = self.kept.get_mut(slot) {
            tally.add(patient);
        }
    }

    /// Adds the days that are kept to the sums, in the order they came.
    fn add_up(&mut self) {
        let sums = &mut self.sums;
        for (date, tally) in self.kept.drain(..) {
            match self.plausible.judge(date) {
                Plausibility::Plausible => {}
                Plausibility::Implausible => sums.implausible.add_all(&tally),
                // They say that there is no date, so they are in no sum.
                Plausibility::OpenEnd => {
                    sums.open_ends.add_all(&tally);
                    continue;
                }
                Plausibility::OpenBegin => {
                    sums.open_begins.add_all(&tally);
                    continue;
                }
            }
            let (year, month, day) = civil(date);
            sums.course.entry((year, month)).or_default().add_all(&tally);
            sums.years.entry(year).or_default().add_all(&tally);
            if let Some(sum) = sums.months.get_mut(usize::from(month) - 1) {
                sum.add_all(&tally);
            }
            if let Some(sum) = sums.days.get_mut(usize::from(day) - 1) {
                sum.add_all(&tally);
            }
        }
        self.slots.clear();
        self.last = None;
    }

    pub(crate) fn finish(mut self) -> Days {
        self.add_up();
        let sums = self.sums;
        let skip = sums.course.len().saturating_sub(COURSE);
        let course = sums.course.iter().skip(skip);
        Days {
            years: sums.years.iter().map(|(year, t)| (*year, t.count())).collect(),
            months: (1..).zip(sums.months.iter().map(Tally::count)).collect(),
            days: (1..).zip(sums.days.iter().map(Tally::count)).collect(),
            course: course
                .map(|((year, month), t)| (*year, *month, t.count()))
                .collect(),
            implausible: sums.implausible.count(),
            open_ends: sums.open_ends.count(),
            open_begins: sums.open_begins.count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_days_than_are_kept_are_counted_too() {
        let mut counts = DayCounts::new(Plausible::until(2026));
        let dates = 3 * KEPT as i32;
        for date in 0..dates {
            counts.add(date, date.unsigned_abs() % 3);
            counts.add(date / 2, 7);
        }
        let found = counts.finish();
        let rows: u64 = found.years.values().map(|count| count.rows).sum();
        assert_eq!(rows, 2 * dates.unsigned_abs() as u64);
        assert!(
            found
                .years
                .values()
                .all(|count| (3..=4).contains(&count.patients))
        );
        assert_eq!(found.years[&1970].rows, 365 * 3);
    }

    #[test]
    fn customary_open_ends_and_begins_are_known_and_in_no_sum() {
        let mut counts = DayCounts::new(Plausible::until(2026));
        let dates = [
            (9999, 12, 31),
            (9999, 12, 30),
            (2999, 12, 31),
            (3000, 1, 1), // open ends
            (1, 1, 1),
            (0, 12, 31), // begins
            (2998, 12, 31),
            (951, 5, 5), // neither
            (2024, 2, 29),
        ];
        for (patient, (y, m, d)) in (0..).zip(dates) {
            counts.add(days(y, m, d).unwrap(), patient);
        }
        let found = counts.finish();
        assert_eq!(
            (
                found.open_ends.rows,
                found.open_begins.rows,
                found.implausible.rows
            ),
            (4, 2, 2)
        );
        assert_eq!(found.years.keys().copied().collect::<Vec<_>>(), [951, 2024, 2998]);
    }

    #[test]
    fn dates_are_counted_by_year_month_and_day() {
        let mut counts = DayCounts::new(Plausible::until(2026));
        for (patient, (y, m, d)) in [
            (2024, 2, 29),
            (2024, 3, 1),
            (2024, 2, 1),
            (1899, 12, 31),
            (2027, 1, 1),
            (2027, 1, 2),
        ]
        .into_iter()
        .enumerate()
        {
            counts.add(days(y, m, d).unwrap(), u32::try_from(patient).unwrap());
        }
        let found = counts.finish();
        assert_eq!(found.years[&2024].rows, 3);
        assert_eq!(found.months[&2].rows, 2);
        assert_eq!((found.days[&1].rows, found.days[&31].rows), (3, 1));
        assert_eq!(
            found.implausible.rows, 2,
            "the day before 1900 and the second day of next year"
        );
        let course: Vec<_> = found.course.iter().map(|(y, m, c)| (*y, *m, c.rows)).collect();
        assert_eq!(course, [(1899, 12, 1), (2024, 2, 2), (2024, 3, 1), (2027, 1, 2)]);
    }
}
