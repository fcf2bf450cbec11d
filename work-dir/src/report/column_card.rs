use table_description::TableDescription;

use super::chart::{Bar, Scale, bars, list};
use super::mask::Masking;
use super::text::{decimal, escape, percent, whole};
use crate::checks::References;
use crate::profile::{ColumnProfile, Count, Days, Group, Numbers, ratio, share};

/// What the card of a column is made with.
#[derive(Clone, Copy)]
pub(crate) struct Card<'c> {
    pub(crate) table: &'c str,
    pub(crate) masking: Masking,
    pub(crate) references: &'c References,
    pub(crate) description: Option<&'c TableDescription>,
    pub(crate) before: Option<&'c ColumnProfile>,
}

/// Codes that are listed.
const CODES: usize = 12;
/// Groups of a column of numbers that are shown.
const GROUPS: usize = 24;
/// Bars of a chart over time.
const COURSE: usize = 120;

impl Card<'_> {
    /// The card of a column with values.
    pub(crate) fn html(&self, column: &ColumnProfile) -> String {
        let mut body = format!("<h3>{}</h3>", escape(&column.name));
        let path = self
            .description
            .and_then(|table| Some(table.columns[table.position(&column.name)?].path().as_str()));
        if let Some(path) = path {
            body.push_str(&format!("<p class=\"soft\">{}</p>", escape(path)));
        }
        body.push_str(&self.filling(column));
        if !self.masking.hides(column.filled) {
            if let Some(numbers) = &column.numbers {
                let reference = self.references.of_column(self.table, &column.name);
                body.push_str(&self.numbers(numbers, reference, column.empty, Scale::Rows));
            }
            if let Some(days) = &column.days {
                body.push_str(&self.days(days, column.empty));
            }
            body.push_str(&self.codes(column));
        }
        let mut cards = format!("<section class=\"card\">{body}</section>");
        // The rows of a hidden group would follow from those of the others and of the codes.
        let hides = |group: &Group| self.masking.hides(group.numbers.count);
        let scale = if column.groups.iter().any(hides) {
            Scale::Shape
        } else {
            Scale::Rows
        };
        for group in column.groups.iter().filter(|group| !hides(group)).take(GROUPS) {
            let name = match (group.code.as_str(), group.unit.as_str()) {
                ("", unit) => unit.to_owned(),
                (code, "") => code.to_owned(),
                (code, unit) => format!("{code} · {unit}"),
            };
            let reference = self
                .references
                .of_group(self.table, &column.name, &group.code, &group.unit);
            let chart = self.numbers(&group.numbers, reference.as_deref(), Count::default(), scale);
            let rows = match scale {
                Scale::Rows => format!(" · {} rows", whole(group.numbers.count.rows)),
                Scale::Shape => String::new(),
            };
            cards.push_str(&format!(
                "<section class=\"card\"><h3>{}</h3><p class=\"soft\">{}{rows}</p>{chart}</section>",
                escape(&name),
                escape(&column.name)
            ));
        }
        cards
    }

    /// How much of the column is filled, now and in the run before.
    fn filling(&self, column: &ColumnProfile) -> String {
        let empty = match (
            self.masking.hides(column.filled),
            self.masking.hides(column.empty),
        ) {
            (true, _) => format!(
                "filled in rows of fewer than {} patients only",
                self.masking.threshold
            ),
            (_, true) => format!(
                "empty in rows of fewer than {} patients only",
                self.masking.threshold
            ),
            _ => format!("{} empty", percent(column.null_share())),
        };
        let hidden = |c: &ColumnProfile| self.masking.hides(c.filled) || self.masking.hides(c.empty);
        let before = match self.before {
            Some(before) if !hidden(before) && !hidden(column) => {
                format!(" ({} in the run before)", percent(before.null_share()))
            }
            _ => String::new(),
        };
        let distinct = match column.distinct {
            Some(distinct) if !self.masking.hides(column.filled) => {
                format!(" · {} different values", whole(distinct))
            }
            None if column.kind == crate::profile::Kind::Text => {
                " · more than 65 536 different values".to_owned()
            }
            _ => String::new(),
        };
        let mut out = format!("<p class=\"soft\">{empty}{before}{distinct}</p>");
        for (count, what) in [
            (column.unreadable, "cannot be read"),
            (column.odd, "hold what a code must not"),
            (
                column.days.as_ref().map_or(Count::default(), |d| d.implausible),
                "are implausible dates",
            ),
            (
                column.unknown.map_or(Count::default(), |u| u.rows),
                "refer to something that is not in the run",
            ),
        ] {
            if count.rows > 0 {
                out.push_str(&format!("<p class=\"warn\">{} {what}</p>", self.count(count)));
            }
        }
        out
    }

    fn count(&self, count: Count) -> String {
        if self.masking.hides(count) {
            format!("rows of fewer than {} patients", self.masking.threshold)
        } else {
            format!("{} rows", whole(count.rows))
        }
    }

    /// A histogram with the quantiles of the reference, and the quantiles of both beside each other.
    fn numbers(
        &self,
        numbers: &Numbers,
        reference: Option<&[(f64, f64)]>,
        empty: Count,
        scale: Scale,
    ) -> String {
        let mut counts = vec![numbers.below];
        counts.extend(numbers.bins.iter().map(|bin| bin.count));
        counts.extend([numbers.above, empty]);
        let mut cells = self.masking.cells(&counts);
        cells.pop();
        let edge = |n: f64| decimal(n);
        let (first, last) = match (numbers.bins.first(), numbers.bins.last()) {
            (Some(first), Some(last)) => (first.from, last.to),
            _ => return String::new(),
        };
        let labels = std::iter::once(format!("below {}", edge(first)))
            .chain(
                numbers
                    .bins
                    .iter()
                    .map(|bin| format!("{} – {}", edge(bin.from), edge(bin.to))),
            )
            .chain([format!("above {}", edge(last))]);
        let shown: Vec<Bar> = labels
            .zip(cells)
            .map(|(label, rows)| Bar { label, rows })
            .collect();
        let marks: Vec<(f64, String)> = reference
            .unwrap_or_default()
            .iter()
            .filter(|(_, value)| (first..=last).contains(value))
            .map(|(q, value)| {
                #[expect(clippy::cast_precision_loss, reason = "a histogram has few bars")]
                let bars = numbers.bins.len() as f64;
                let at = 1.0 + (value - first) / (last - first) * bars;
                (at, format!("reference, quantile {q}: {}", decimal(*value)))
            })
            .collect();
        let mut out = bars("distribution", &shown, &marks, self.masking.threshold, scale);
        let mut rows = String::new();
        for (q, value) in &numbers.quantiles {
            if !self.may_show(*q, numbers.count) {
                continue;
            }
            let beside = reference.and_then(|r| r.iter().find(|(at, _)| (at - q).abs() < 1e-12));
            let (reference_text, ratio_text) = match beside {
                Some((_, reference)) => (
                    decimal(*reference),
                    ratio(*value, *reference).map_or("–".to_owned(), |r| format!("{r:.2}")),
                ),
                None => (String::new(), String::new()),
            };
            let columns = if reference.is_some() {
                format!("<td>{reference_text}</td><td>{ratio_text}</td>")
            } else {
                String::new()
            };
            rows.push_str(&format!(
                "<tr><td>{q}</td><td>{}</td>{columns}</tr>",
                decimal(*value)
            ));
        }
        let head = if reference.is_some() {
            "<th>reference</th><th>ratio</th>"
        } else {
            ""
        };
        if !rows.is_empty() {
            out.push_str(&format!(
                "<details{}><summary>quantiles</summary><table><tr><th>quantile</th><th>value</th>{head}</tr>{rows}</table></details>",
                if reference.is_some() { " open" } else { "" }
            ));
        }
        out
    }

    /// A quantile near an end is the value of few rows.
    fn may_show(&self, q: f64, count: Count) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "counts of rows stay far below 2^53")]
        let beyond = count.rows as f64 * q.min(1.0 - q);
        beyond >= f64::from(self.masking.threshold)
    }

    fn days(&self, days: &Days, empty: Count) -> String {
        let chart = |title: &str, cells: Vec<(String, Count)>| {
            let mut counts: Vec<Count> = cells.iter().map(|(_, count)| *count).collect();
            counts.push(empty);
            let shown = self.masking.cells(&counts);
            let shown: Vec<Bar> = cells
                .into_iter()
                .zip(shown)
                .map(|((label, _), rows)| Bar { label, rows })
                .collect();
            bars(title, &shown, &[], self.masking.threshold, Scale::Rows)
        };
        let named = |map: &std::collections::BTreeMap<u8, Count>| {
            map.iter()
                .map(|(n, count)| (n.to_string(), *count))
                .collect::<Vec<_>>()
        };
        let mut out = chart("by year", years(days));
        out.push_str(&chart("by month", named(&days.months)));
        out.push_str(&chart("by day of the month", named(&days.days)));
        out
    }

    /// The most frequent codes; the others and the hidden ones are counted.
    fn codes(&self, column: &ColumnProfile) -> String {
        if column.codes.is_empty() {
            return String::new();
        }
        let mut counts: Vec<Count> = column.codes.iter().map(|code| code.count).collect();
        counts.push(column.empty);
        let cells = self.masking.cells(&counts);
        let shown: Vec<(String, f64, String)> = column
            .codes
            .iter()
            .zip(&cells)
            .filter_map(|(code, rows)| {
                let rows = (*rows)?;
                #[expect(clippy::cast_precision_loss, reason = "counts of rows stay far below 2^53")]
                let amount = rows as f64;
                let text = format!("{} · {}", whole(rows), percent(share(rows, column.filled.rows)));
                Some((code.value.clone(), amount, text))
            })
            .take(CODES)
            .collect();
        let hidden = cells
            .iter()
            .take(column.codes.len())
            .filter(|cell| cell.is_none())
            .count();
        let more = column.codes.len() - hidden - shown.len();
        let mut out = if shown.is_empty() {
            String::new()
        } else {
            list("most frequent", &shown)
        };
        let mut rest = Vec::new();
        if more > 0 {
            rest.push(format!("{more} more"));
        }
        if hidden > 0 {
            rest.push(format!(
                "{hidden} hidden to protect fewer than {} patients",
                self.masking.threshold
            ));
        }
        if !rest.is_empty() {
            out.push_str(&format!("<p class=\"soft\">{}</p>", rest.join(" · ")));
        }
        out
    }
}

/// All years between the first and the last, or those that occur where there are too many between.
fn years(days: &Days) -> Vec<(String, Count)> {
    let (Some(first), Some(last)) = (days.years.keys().next(), days.years.keys().next_back()) else {
        return Vec::new();
    };
    let of = |year: &i32| days.years.get(year).copied().unwrap_or_default();
    if last.abs_diff(*first) as usize <= COURSE {
        (*first..=*last)
            .map(|year| (year.to_string(), of(&year)))
            .collect()
    } else {
        let skip = days.years.len().saturating_sub(COURSE);
        days.years
            .iter()
            .skip(skip)
            .map(|(year, count)| (year.to_string(), *count))
            .collect()
    }
}

/// Counts by month, all months between the first and the last that are shown.
pub(crate) fn course(title: &str, days: &Days, empty: Count, masking: Masking) -> String {
    let Some(&(year, month, _)) = days.course.last() else {
        return String::new();
    };
    let number = |year: i32, month: u8| i64::from(year) * 12 + i64::from(month) - 1;
    let last = number(year, month);
    let span = i64::try_from(COURSE).unwrap_or(i64::MAX);
    let inside = days
        .course
        .iter()
        .filter(|(y, m, _)| last - number(*y, *m) < span);
    let mut cells: Vec<(i64, Count)> = Vec::new();
    for &(year, month, count) in inside {
        let at = number(year, month);
        while let Some(&(before, _)) = cells.last()
            && before + 1 < at
        {
            cells.push((before + 1, Count::default()));
        }
        cells.push((at, count));
    }
    let mut counts: Vec<Count> = cells.iter().map(|(_, count)| *count).collect();
    counts.push(empty);
    let shown = masking.cells(&counts);
    let shown: Vec<Bar> = cells
        .iter()
        .zip(shown)
        .map(|((at, _), rows)| Bar {
            label: format!("{:04}-{:02}", at.div_euclid(12), at.rem_euclid(12) + 1),
            rows,
        })
        .collect();
    bars(title, &shown, &[], masking.threshold, Scale::Rows)
}
