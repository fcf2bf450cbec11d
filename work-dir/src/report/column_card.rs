use quick_xml::escape::escape;
use table_description::TableDescription;

use super::chart::{Bar, Chart, Scale, list};
use super::mask::Masking;
use super::months::{days_of_month, published};
use super::text::{decimal, whole};
use crate::checks::References;
use crate::profile::{Code, ColumnProfile, Count, Numbers, PATIENT_CAP, ratio};

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

impl Card<'_> {
    /// The card of a column with values.
    pub(crate) fn html(&self, column: &ColumnProfile) -> String {
        let mut body = format!("<h3>{}</h3>", escape(&column.name));
        let path = self
            .description
            .and_then(|table| Some(table.columns[table.position(&column.name)?].path().as_str()));
        if let Some(path) = path {
            body.push_str(&format!(
                "<p class=\"soft path\">{}</p>",
                escape(path).replace('/', "/<wbr>")
            ));
        }
        body.push_str(&self.filling(column));
        if !self.masking.hides(column.filled) {
            if let Some(numbers) = &column.numbers {
                let reference = self.references.of_column(self.table, &column.name);
                if column.groups.len() < 2 {
                    body.push_str(&self.numbers(numbers, reference, column.empty, Scale::Rows, ""));
                } else {
                    // Numbers of several units in one chart would say nothing.
                    body.push_str("<p class=\"soft\">A chart a code and unit follows.</p>");
                }
            }
            if let Some(days) = &column.days {
                let months = published(days, column.empty, self.masking);
                let few = self.masking.threshold;
                body.push_str(&months.charts(few));
                body.push_str(&days_of_month(days, column.empty, self.masking));
            }
            body.push_str(&self.codes(column));
        }
        let name = escape(&column.name);
        let mut cards =
            format!("<section class=\"card\" id=\"{name}\" data-name=\"{name}\">{body}</section>");
        // The rows of a hidden group would follow from those of the others and of the codes.
        let counts: Vec<Count> = column.groups.iter().map(|group| group.numbers.count).collect();
        let shown = self.masking.cells(&counts);
        let scale = if !self.masking.rounds() && shown.contains(&None) {
            Scale::Shape
        } else {
            Scale::Rows
        };
        let groups = column.groups.iter().zip(&shown);
        for (group, group_rows) in groups.filter_map(|(g, r)| Some((g, (*r)?))).take(GROUPS) {
            let name = match (group.code.as_str(), group.unit.as_str()) {
                ("", unit) => unit.to_owned(),
                (code, "") => code.to_owned(),
                (code, unit) => format!("{code} · {unit}"),
            };
            let reference = self
                .references
                .of_group(self.table, &column.name, &group.code, &group.unit);
            let chart = self.numbers(
                &group.numbers,
                reference.as_deref(),
                Count::default(),
                scale,
                &group.unit,
            );
            let rows = match scale {
                Scale::Rows => format!(" · {} rows", whole(group_rows)),
                Scale::Shape => String::new(),
            };
            cards.push_str(&format!(
                "<section class=\"card\" data-name=\"{0} {1}\"><h3>{0}</h3><p class=\"soft\">{1}{rows}</p>{chart}</section>",
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
            _ => format!("{} empty", self.share(column.empty, column)),
        };
        let hidden = |c: &ColumnProfile| self.masking.hides(c.filled) || self.masking.hides(c.empty);
        let before = match self.before {
            Some(before) if !hidden(before) && !hidden(column) => {
                format!(" ({} in the run before)", self.share(before.empty, before))
            }
            _ => String::new(),
        };
        let distinct = match column.distinct {
            Some(distinct) if !self.masking.hides(column.filled) => {
                format!(" · {} different values", whole(self.masking.shown(distinct)))
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
            format!("{} rows", whole(self.masking.shown(count.rows)))
        }
    }

    /// A part of a column's rows in per cent.
    fn share(&self, part: Count, column: &ColumnProfile) -> String {
        self.masking
            .percent(part.rows, column.empty.rows + column.filled.rows)
    }

    /// A histogram with the reference over it, and the quantiles of both beside each other.
    fn numbers(
        &self,
        numbers: &Numbers,
        reference: Option<&[(f64, f64)]>,
        empty: Count,
        scale: Scale,
        unit: &str,
    ) -> String {
        let beside = Beside {
            reference: reference.unwrap_or_default(),
            masking: self.masking,
            unit,
        };
        let mut out = histogram(numbers, empty, scale, &beside);
        let mut rows = String::new();
        for (q, value) in &numbers.quantiles {
            if !self.masking.may_show(*q, numbers.count) {
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

    /// How many patients a code has.
    fn people(&self, code: &Code) -> String {
        match code.people {
            Some(1) => "1 patient".to_owned(),
            Some(people) => format!("{} patients", whole(self.masking.shown(people))),
            None if code.count.patients < PATIENT_CAP => {
                format!("{} patients", self.masking.shown(code.count.patients.into()))
            }
            None => format!("{PATIENT_CAP} patients or more"),
        }
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
                let text = format!(
                    "{} rows · {} · {}",
                    whole(rows),
                    self.masking.percent(code.count.rows, column.filled.rows),
                    self.people(code)
                );
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

/// What a histogram is shown with.
#[derive(Clone, Copy)]
pub(crate) struct Beside<'b> {
    /// Quantiles and values of the reference.
    pub(crate) reference: &'b [(f64, f64)],
    pub(crate) masking: Masking,
    pub(crate) unit: &'b str,
}

/// A histogram; a reference with enough quantiles is a line over it, one with fewer a mark at each.
pub(crate) fn histogram(numbers: &Numbers, empty: Count, scale: Scale, beside: &Beside<'_>) -> String {
    let mut counts = vec![numbers.below];
    counts.extend(numbers.bins.iter().map(|bin| bin.count));
    counts.extend([numbers.above, empty]);
    let mut cells = beside.masking.cells(&counts);
    cells.pop();
    let (first, last) = match (numbers.bins.first(), numbers.bins.last()) {
        (Some(first), Some(last)) => (first.from, last.to),
        _ => return String::new(),
    };
    let inside = numbers
        .bins
        .iter()
        .map(|bin| format!("{} – {}", decimal(bin.from), decimal(bin.to)));
    let labels = std::iter::once(format!("below {}", decimal(first)))
        .chain(inside)
        .chain([format!("above {}", decimal(last))]);
    let shown: Vec<Bar> = labels
        .zip(cells)
        .map(|(label, rows)| Bar { label, rows })
        .collect();
    let marks: Vec<(f64, String)> = beside
        .reference
        .iter()
        .filter(|(_, value)| (first..=last).contains(value) && last > first)
        .map(|(q, value)| {
            #[expect(clippy::cast_precision_loss, reason = "a histogram has few bars")]
            let bars = numbers.bins.len() as f64;
            let at = 1.0 + (value - first) / (last - first) * bars;
            (at, format!("reference, quantile {q}: {}", decimal(*value)))
        })
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "counts of rows stay far below 2^53")]
    let total = shown.iter().filter_map(|bar| bar.rows).sum::<u64>() as f64;
    let curve = expected(beside.reference, numbers, total);
    let chart = Chart {
        title: "distribution",
        axis: if beside.unit.is_empty() {
            "value"
        } else {
            beside.unit
        },
        bars: &shown,
        marks: if curve.is_empty() { &marks } else { &[] },
        curve: &curve,
        few: beside.masking.threshold,
        scale,
    };
    chart.html()
}

/// How many of so many rows a reference would have in each bar of a histogram, the ones beyond its ends first and last; none
/// where the reference has too few quantiles to tell.
fn expected(reference: &[(f64, f64)], numbers: &Numbers, rows: f64) -> Vec<f64> {
    let (Some(first), Some(last)) = (numbers.bins.first(), numbers.bins.last()) else {
        return Vec::new();
    };
    if reference.len() < 5 {
        return Vec::new();
    }
    // The share of the reference below a value, straight between its quantiles.
    let below = |value: f64| -> f64 {
        let after = reference.partition_point(|(_, at)| *at < value);
        match (
            after.checked_sub(1).and_then(|i| reference.get(i)),
            reference.get(after),
        ) {
            (Some((q, at)), Some((next, to))) if to > at => q + (next - q) * (value - at) / (to - at),
            (None, _) => 0.0,
            (Some(_), None) => 1.0,
            (_, Some((next, _))) => *next,
        }
    };
    let inside = numbers
        .bins
        .iter()
        .map(|bin| (below(bin.to) - below(bin.from)).max(0.0));
    std::iter::once(below(first.from))
        .chain(inside)
        .chain([1.0 - below(last.to)])
        .map(|share| share * rows)
        .collect()
}
