use std::collections::{BTreeMap, HashMap};

use super::civil::{civil, days};
use super::shape::Days;
use super::tally::Tally;

/// Months of the course that are kept: the last ones, a hundred years.
const COURSE: usize = 1_200;

/// Days that are counted one by one before they are added up: some 170 years.
const KEPT: usize = 1 << 16;

/// Dates that are being counted: each day for itself, and added up to months and years at the end.
#[derive(Debug)]
pub(crate) struct DayCounts {
    plausible: std::ops::Range<i32>,
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
    course: BTreeMap<(i32, u8), Tally>,
    years: BTreeMap<i32, Tally>,
    months: [Tally; 12],
    days: [Tally; 31],
}

impl DayCounts {
    /// Counts with the present year, which plausible dates may pass by one.
    pub(crate) fn new(present_year: i16) -> Self {
        let first = days(1900, 1, 1).unwrap_or(i32::MIN);
        let end = days(present_year.saturating_add(1), 1, 2).unwrap_or(i32::MAX);
        Self {
            plausible: first..end,
            slots: HashMap::new(),
            kept: Vec::new(),
            last: None,
            sums: Sums {
                implausible: Tally::default(),
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
            if !self.plausible.contains(&date) {
                sums.implausible.add_all(&tally);
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_days_than_are_kept_are_counted_too() {
        let mut counts = DayCounts::new(2026);
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
    fn dates_are_counted_by_year_month_and_day() {
        let mut counts = DayCounts::new(2026);
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
