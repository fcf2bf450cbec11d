use std::collections::BTreeMap;

use super::civil::{civil, days};
use super::shape::Days;
use super::tally::Tally;

/// Months of the course that are kept: the last ones, a hundred years.
const COURSE: usize = 1_200;

/// Dates that are being counted.
#[derive(Debug)]
pub(crate) struct DayCounts {
    plausible: std::ops::Range<i32>,
    implausible: Tally,
    course: BTreeMap<(i32, u8), Tally>,
    /// The month counted last: rows that lie together are often of one time.
    month: Option<((i32, u8), Tally)>,
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
            implausible: Tally::default(),
            course: BTreeMap::new(),
            month: None,
            years: BTreeMap::new(),
            months: Default::default(),
            days: std::array::from_fn(|_| Tally::default()),
        }
    }

    /// Counts a date, in days from 1970-01-01.
    pub(crate) fn add(&mut self, date: i32, patient: u32) {
        if !self.plausible.contains(&date) {
            self.implausible.add(patient);
        }
        let (year, month, day) = civil(date);
        let key = (year, month);
        match &mut self.month {
            Some((at, tally)) if *at == key => tally.add(patient),
            slot => {
                let mut tally = self.course.remove(&key).unwrap_or_default();
                tally.add(patient);
                if let Some((at, last)) = slot.replace((key, tally)) {
                    self.course.insert(at, last);
                }
            }
        }
        self.years.entry(year).or_default().add(patient);
        if let Some(tally) = self.months.get_mut(usize::from(month) - 1) {
            tally.add(patient);
        }
        if let Some(tally) = self.days.get_mut(usize::from(day) - 1) {
            tally.add(patient);
        }
    }

    pub(crate) fn finish(mut self) -> Days {
        if let Some((at, tally)) = self.month.take() {
            self.course.insert(at, tally);
        }
        let skip = self.course.len().saturating_sub(COURSE);
        let course = self.course.iter().skip(skip);
        Days {
            years: self.years.iter().map(|(year, t)| (*year, t.count())).collect(),
            months: (1..).zip(self.months.iter().map(Tally::count)).collect(),
            days: (1..).zip(self.days.iter().map(Tally::count)).collect(),
            course: course
                .map(|((year, month), t)| (*year, *month, t.count()))
                .collect(),
            implausible: self.implausible.count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
