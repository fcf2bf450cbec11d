//! Dates of a column over time. Only one table of them is published, by month or by year; the others shown are sums of what
//! is published, so that comparing them tells nothing more.

use std::collections::BTreeMap;

use super::chart::{Bar, Chart, Scale};
use super::mask::Masking;
use crate::profile::{Count, Days};

/// Bars of a chart over time.
const COURSE: i64 = 120;

/// What is published of a column's dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// Rows by month, counted from the year 0; those without rows are not there.
    Months(BTreeMap<i64, Option<u64>>),
    /// Rows by year, where most months are of few patients.
    Years(BTreeMap<i64, Option<u64>>),
}

/// Decides what is published.
pub(crate) fn published(days: &Days, empty: Count, masking: Masking) -> Published {
    let rest = [empty, days.open_ends, days.open_begins];
    let table = |cells: Vec<(i64, Count)>| -> BTreeMap<i64, Option<u64>> {
        let mut counts: Vec<Count> = cells.iter().map(|(_, count)| *count).collect();
        counts.extend(rest);
        let shown = masking.cells(&counts);
        cells.into_iter().map(|(at, _)| at).zip(shown).collect()
    };
    let months = days.course.iter().filter(|(.., count)| count.rows > 0);
    let months = table(
        months
            .map(|(year, month, count)| (i64::from(*year) * 12 + i64::from(*month) - 1, *count))
            .collect(),
    );
    let shown = months.values().filter(|cell| cell.is_some()).count();
    let all: u64 = days.years.values().map(|count| count.rows).sum();
    let course: u64 = days.course.iter().map(|(.., count)| count.rows).sum();
    if shown * 2 >= months.len() && all == course {
        return Published::Months(months);
    }
    let years = days.years.iter().filter(|(_, count)| count.rows > 0);
    Published::Years(table(
        years.map(|(year, count)| (i64::from(*year), *count)).collect(),
    ))
}

impl Published {
    /// Charts by year, and where months are published by month of the year.
    pub(crate) fn charts(&self, few: u32) -> String {
        let mut out = chart(
            "by year",
            "year",
            &bars(&self.years(), &|year| year.to_string()),
            few,
        );
        if let Self::Months(months) = self {
            let mut of_year: BTreeMap<i64, Option<u64>> = (1..=12).map(|month| (month, Some(0))).collect();
            for (at, rows) in months {
                add(of_year.entry(at.rem_euclid(12) + 1).or_insert(Some(0)), *rows);
            }
            out.push_str(&chart(
                "by month of the year",
                "month",
                &bars(&of_year, &|m| m.to_string()),
                few,
            ));
        }
        out
    }

    /// Rows by year: of the months that are shown.
    fn years(&self) -> BTreeMap<i64, Option<u64>> {
        match self {
            Self::Years(years) => years.clone(),
            Self::Months(months) => {
                let mut years: BTreeMap<i64, Option<u64>> = BTreeMap::new();
                for (at, rows) in months {
                    match years.get_mut(&at.div_euclid(12)) {
                        Some(year) => add(year, *rows),
                        None => drop(years.insert(at.div_euclid(12), *rows)),
                    }
                }
                years
            }
        }
    }
}

/// Adds a cell to a sum: what is hidden counts for nothing, and a sum of hidden cells is hidden.
fn add(sum: &mut Option<u64>, cell: Option<u64>) {
    *sum = match (*sum, cell) {
        (Some(sum), cell) => Some(sum + cell.unwrap_or(0)),
        (None, cell) => cell,
    };
}

/// Rows by month, the last ten years, or by year where only that is published.
pub(crate) fn course(title: &str, published: &Published, few: u32) -> String {
    let (title, axis, bars) = match published {
        Published::Months(months) => {
            let label = |at: i64| format!("{:04}-{:02}", at.div_euclid(12), at.rem_euclid(12) + 1);
            (format!("rows by month of {title}"), "month", bars(months, &label))
        }
        Published::Years(years) => (
            format!("rows by year of {title}"),
            "year",
            bars(years, &|year| year.to_string()),
        ),
    };
    chart(&title, axis, &bars, few)
}

/// A chart by day of the month, a table for itself.
pub(crate) fn days_of_month(days: &Days, empty: Count, masking: Masking) -> String {
    let mut counts: Vec<Count> = days.days.values().copied().collect();
    counts.extend([empty, days.open_ends, days.open_begins]);
    let shown = masking.cells(&counts);
    let cells = days.days.keys().map(|day| i64::from(*day)).zip(shown).collect();
    chart(
        "by day of the month",
        "day",
        &bars(&cells, &|day| day.to_string()),
        masking.threshold,
    )
}

/// A bar for each place between the first and the last, or the last ones where there are very many.
fn bars(cells: &BTreeMap<i64, Option<u64>>, label: &dyn Fn(i64) -> String) -> Vec<Bar> {
    let (Some((&first, _)), Some((&last, _))) = (cells.first_key_value(), cells.last_key_value()) else {
        return Vec::new();
    };
    let first = first.max(last - COURSE + 1);
    (first..=last)
        .map(|at| Bar {
            label: label(at),
            rows: cells.get(&at).copied().unwrap_or(Some(0)),
        })
        .collect()
}

fn chart(title: &str, axis: &str, bars: &[Bar], few: u32) -> String {
    let chart = Chart {
        title,
        axis,
        bars,
        marks: &[],
        curve: &[],
        few,
        scale: Scale::Rows,
    };
    chart.html()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rows: u64, patients: u32) -> Count {
        Count { rows, patients }
    }

    #[test]
    fn years_are_sums_of_the_months_that_are_shown() {
        let masking = Masking {
            threshold: 5,
            exact: false,
        };
        let mut days = Days::default();
        for month in 1..=12 {
            let of = if month == 7 { count(3, 2) } else { count(101, 20) };
            days.course.push((2024, month, of));
        }
        days.years.insert(2024, count(11 * 101 + 3, 20));
        let published = published(&days, Count::default(), masking);
        let Published::Months(months) = &published else {
            panic!("most months are shown");
        };
        assert_eq!(months[&(2024 * 12 + 6)], None);
        let shown: u64 = months.values().flatten().sum();
        assert_eq!(
            published.years(),
            BTreeMap::from([(2024, Some(shown))]),
            "not 1114"
        );
        let html = published.charts(5);
        assert!(
            html.contains(&format!("data-rows=\"{shown}\"")) && !html.contains("1114"),
            "{html}"
        );
    }

    #[test]
    fn where_months_are_of_few_patients_years_are_shown() {
        let masking = Masking {
            threshold: 5,
            exact: false,
        };
        let mut days = Days::default();
        for year in 1950..1953 {
            for month in 1..=12 {
                days.course.push((year, month, count(2, 2)));
            }
            days.years.insert(year, count(24, 20));
        }
        let published = published(&days, Count::default(), masking);
        assert_eq!(published.years().values().flatten().sum::<u64>(), 75);
        assert!(!published.charts(5).contains("month"));
    }
}
