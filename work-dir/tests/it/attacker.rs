//! A reader of the report who wants to know what is hidden: compares months, years and months of the year, the total, and the
//! run before. On a report that hides each table for itself the same reader finds something.

use std::collections::BTreeMap;
use std::path::Path;

use work_dir::checks::{CheckOptions, Checks};
use work_dir::report::{ReportOptions, write};

use crate::rows::{Observation, description, run};
use crate::whole::Random;

/// Rows by month, counted from the year 0; `None` where hidden.
type Months = BTreeMap<i64, Option<i64>>;
type Cells = BTreeMap<i64, Option<i64>>;

/// How many hospitals: few by default, more with `WORK_DIR_HOSPITALS`.
fn hospitals() -> u64 {
    std::env::var("WORK_DIR_HOSPITALS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(12)
}

/// Days since 1970 of the first of a month, and its number.
fn month(random: &mut Random) -> (i64, i64) {
    let (year, month) = (2023 + random.below(3), random.below(12));
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap = usize::from(year > 2024 || year == 2024 && month > 1);
    let day = 19_358 + (year - 2023) * 365 + leap + before[month];
    (
        i64::try_from(day).unwrap(),
        i64::try_from(year * 12 + month).unwrap(),
    )
}

/// Observations of a hospital whose months are full but for some of one to four patients.
fn hospital(random: &mut Random, patients: usize) -> (Vec<Observation>, BTreeMap<i64, (i64, usize)>) {
    let mut rows = Vec::new();
    let mut truth: BTreeMap<i64, (i64, Vec<usize>)> = BTreeMap::new();
    let mut quiet: BTreeMap<i64, usize> = BTreeMap::new();
    for _ in 0..1 + random.below(3) {
        quiet.insert(month(random).1, 1 + random.below(4));
    }
    for _ in 0..patients * 12 {
        let (day, number) = month(random);
        let patient = match quiet.get(&number) {
            Some(few) if random.below(6) == 0 => random.below(*few),
            Some(_) => continue,
            None => random.below(patients),
        };
        rows.push((number, patient));
        truth.entry(number).or_insert((day, Vec::new())).1.push(patient);
    }
    rows.sort_by_key(|(_, patient)| *patient);
    let observations = rows
        .iter()
        .enumerate()
        .map(|(id, (number, patient))| Observation {
            id: format!("o{id:06}"),
            patient: format!("p{patient:04}"),
            encounter: "e".to_owned(),
            code: "718-7".to_owned(),
            value: Some(12.0),
            unit: "g/dL".to_owned(),
            day: truth[number].0,
        });
    let observations = observations.collect();
    let counted = truth.into_iter().map(|(number, (_, mut patients))| {
        let rows = i64::try_from(patients.len()).unwrap();
        patients.sort_unstable();
        patients.dedup();
        (number, (rows, patients.len()))
    });
    (observations, counted.collect())
}

/// The bars of the chart with this title.
fn bars(page: &str, title: &str) -> Vec<(String, Option<i64>)> {
    let Some(begin) = page.find(&format!("<figcaption>{title}")) else {
        return Vec::new();
    };
    let chart = &page[begin..];
    let chart = &chart[..chart.find("</figure>").unwrap()];
    let titles = chart
        .split("<title>")
        .skip(1)
        .map(|t| &t[..t.find("</title>").unwrap()]);
    titles
        .filter_map(|text| {
            let (label, said) = text.split_once(": ")?;
            let number: String = said.chars().filter(char::is_ascii_digit).collect();
            let rows = if said.starts_with("hidden") {
                None
            } else {
                Some(number.parse().unwrap())
            };
            Some((label.to_owned(), rows))
        })
        .collect()
}

/// What follows of hidden months by subtraction from years and from months of the year.
fn recovered(months: &Months, years: &Cells, of_year: &Cells) -> BTreeMap<i64, i64> {
    let mut known = months.clone();
    let mut found = BTreeMap::new();
    loop {
        let mut new = Vec::new();
        let groups = [(years, true), (of_year, false)];
        for (totals, by_year) in groups {
            for (group, total) in totals {
                let own: Vec<(&i64, &Option<i64>)> = known
                    .iter()
                    .filter(|(at, _)| {
                        *group
                            == if by_year {
                                at.div_euclid(12)
                            } else {
                                at.rem_euclid(12) + 1
                            }
                    })
                    .collect();
                let hidden: Vec<i64> = own
                    .iter()
                    .filter(|(_, rows)| rows.is_none())
                    .map(|(at, _)| **at)
                    .collect();
                if let (Some(total), [one]) = (total, hidden.as_slice()) {
                    new.push((
                        *one,
                        total - own.iter().filter_map(|(_, rows)| **rows).sum::<i64>(),
                    ));
                }
            }
        }
        let before = found.len();
        for (at, rows) in new {
            found.insert(at, rows);
            known.insert(at, Some(rows));
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Each table hidden for itself: the small cells and the next smallest, all others as they are.
fn each_for_itself(cells: &BTreeMap<i64, (i64, usize)>) -> Cells {
    let mut shown: Cells = cells
        .iter()
        .map(|(at, (rows, people))| (*at, (*people >= 5).then_some(*rows)))
        .collect();
    if shown.values().any(Option::is_none) {
        let smallest = shown.iter().filter_map(|(at, rows)| Some(((*rows)?, *at))).min();
        shown.insert(smallest.unwrap().1, None);
    }
    shown
}

fn grouped(truth: &BTreeMap<i64, (i64, usize)>, of: impl Fn(i64) -> i64) -> BTreeMap<i64, (i64, usize)> {
    let mut groups: BTreeMap<i64, (i64, usize)> = BTreeMap::new();
    for (at, (rows, people)) in truth {
        let group = groups.entry(of(*at)).or_default();
        group.0 += rows;
        group.1 = group.1.max(*people);
    }
    groups
}

fn numbered(bars: Vec<(String, Option<i64>)>) -> Cells {
    bars.into_iter()
        .map(|(label, rows)| (label.parse().unwrap(), rows))
        .collect()
}

#[test]
fn nothing_hidden_is_recovered_by_whoever_compares_the_tables() {
    let description = description();
    let (mut hidden, mut naive) = (0, 0);
    for seed in 0..hospitals() {
        let mut random = Random(seed * 7 + 3);
        let patients = 60 + random.below(60);
        let (rows, truth) = hospital(&mut random, patients);
        let directory = tempfile::tempdir().unwrap();
        let layout = run(directory.path(), std::slice::from_ref(&rows));
        let checks = Checks::open(&layout, Some(&description), CheckOptions::default()).unwrap();
        checks.whole(&[]).unwrap();
        // The run before had a few rows more or less.
        let before = tempfile::tempdir().unwrap();
        let few = 1 + random.below(4);
        let then = run(before.path(), &[rows[..rows.len() - few].to_vec()]);
        let checks = Checks::open(&then, Some(&description), CheckOptions::default()).unwrap();
        checks.whole(&[]).unwrap();
        let options = ReportOptions {
            before: Some(before.path().to_owned()),
            ..ReportOptions::default()
        };
        write(&layout, Some(&description), &options).unwrap();
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let (index, page) = (
            read(&layout.index_page()),
            read(&layout.table_page("observation")),
        );
        let own = &page[page.find("<h3>obs_effectivedatetime").unwrap()..];
        let number = |label: &str| -> i64 {
            let (year, month) = label.split_once('-').unwrap();
            year.parse::<i64>().unwrap() * 12 + month.parse::<i64>().unwrap() - 1
        };
        let months: Months = bars(&index, "rows by month of obs_effectivedatetime")
            .into_iter()
            .map(|(label, rows)| (number(&label), rows))
            .collect();
        assert!(!months.is_empty(), "seed {seed}: months are shown");
        let (years, of_year) = (
            numbered(bars(own, "by year")),
            numbered(bars(own, "by month of the year")),
        );
        assert!(!years.is_empty() && of_year.len() == 12);

        let small: BTreeMap<i64, i64> = truth
            .iter()
            .filter(|(_, (_, p))| *p < 5)
            .map(|(at, (r, _))| (*at, *r))
            .collect();
        hidden += small.len();
        let right = |found: &BTreeMap<i64, i64>| {
            found
                .iter()
                .filter(|(at, rows)| small.get(at) == Some(rows))
                .count()
        };
        let found = recovered(&months, &years, &of_year);
        assert_eq!(right(&found), 0, "seed {seed}: {found:?} of {small:?}");

        // The total is told to the reader exactly, and how numbers are rounded: all of 1 to 5 stay possible.
        let total: i64 = truth.values().map(|(rows, _)| rows).sum();
        let shown = months.values().flatten().filter(|rows| **rows > 0);
        let (least, most) = shown.fold((0, 0), |(least, most), rows| {
            (least + (rows - 2).max(5), most + rows + 2)
        });
        let count = i64::try_from(months.values().filter(|rows| rows.is_none()).count()).unwrap();
        for (at, rows) in &months {
            let Some((_, people)) = truth.get(at).filter(|_| rows.is_none()) else {
                continue;
            };
            let highest = total - least - (count - 1);
            let lowest = if count == 1 { total - most } else { 1 };
            assert!(
                highest >= 5 && lowest <= 1,
                "seed {seed}: {lowest} to {highest} for one of {people} patients"
            );
        }
        // What differs from the run before by few does not follow from both.
        for exact in [rows.len(), rows.len() - few]
            .into_iter()
            .filter(|n| !n.is_multiple_of(5))
        {
            let text = format!(">{exact}<");
            assert!(
                !index.contains(&text) && !page.contains(&text),
                "seed {seed}: {exact} is told"
            );
        }
        naive += right(&recovered(
            &each_for_itself(&truth),
            &each_for_itself(&grouped(&truth, |at| at.div_euclid(12))),
            &each_for_itself(&grouped(&truth, |at| at.rem_euclid(12) + 1)),
        ));
    }
    println!("{hidden} hidden months: none recovered; {naive} where each table is hidden for itself");
    assert!(
        hidden > 5 && naive > 0,
        "{hidden} and {naive}: the reader is none"
    );
}
