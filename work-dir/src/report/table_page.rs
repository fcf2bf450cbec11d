use table_description::TableDescription;

use super::column_card::{Card, course};
use super::mask::Masking;
use super::page::page;
use super::run_figures::TableFigures;
use super::text::{decimal, escape, percent, whole};
use crate::checks::{Outcome, References, Severity, Verdict};
use crate::profile::{ColumnProfile, Days, TableProfile, share};

/// What the page of a table is made of.
#[derive(Clone, Copy)]
pub(crate) struct TablePage<'p> {
    pub(crate) profile: &'p TableProfile,
    pub(crate) before: Option<&'p TableProfile>,
    pub(crate) description: Option<&'p TableDescription>,
    pub(crate) references: &'p References,
    pub(crate) outcomes: &'p [&'p Outcome],
    pub(crate) figures: Option<&'p TableFigures>,
    pub(crate) masking: Masking,
}

/// Elements that say when something happened, in the order they are asked.
const WHEN: [&str; 12] = [
    "effectiveDateTime",
    "effectivePeriod/start",
    "period/start",
    "performedDateTime",
    "performedPeriod/start",
    "authoredOn",
    "recordedDate",
    "onsetDateTime",
    "occurrenceDateTime",
    "dateTime",
    "issued",
    "meta/lastUpdated",
];

impl TablePage<'_> {
    /// The whole page.
    pub(crate) fn html(&self) -> String {
        let name = escape(&self.profile.table);
        let mut body = format!(
            "<p class=\"soft\"><a href=\"../index.html\">all tables</a></p><h1>{name}</h1>{}",
            self.head()
        );
        if self.masking.hides(self.profile.rows) {
            return page(&self.profile.table, &body);
        }
        body.push_str(&format!("<h2>Tests</h2>{}", tests(self.outcomes, self.masking)));
        if let Some(when) = self.when() {
            body.push_str("<h2>Over time</h2><div class=\"card\">");
            body.push_str(&self.over_time(when));
            body.push_str("</div>");
        }
        body.push_str(&self.defects());
        let (filled, empty): (Vec<&ColumnProfile>, Vec<_>) = self
            .profile
            .columns
            .iter()
            .partition(|column| column.filled.rows > 0);
        body.push_str("<h2>Columns</h2><div class=\"grid\">");
        for column in filled {
            let card = Card {
                table: &self.profile.table,
                masking: self.masking,
                references: self.references,
                description: self.description,
                before: self.before.and_then(|before| before.column(&column.name)),
            };
            body.push_str(&card.html(column));
        }
        body.push_str("</div>");
        if !empty.is_empty() {
            let names: Vec<String> = empty.iter().map(|column| escape(&column.name)).collect();
            body.push_str(&format!(
                "<h2>Empty columns</h2><details><summary>{} columns without a value</summary><p class=\"soft\">{}</p></details>",
                names.len(),
                names.join(", ")
            ));
        }
        page(&self.profile.table, &body)
    }

    /// Rows, patients, resources, before and now.
    fn head(&self) -> String {
        let profile = self.profile;
        if self.masking.hides(profile.rows) {
            return format!(
                "<p>Fewer than {} patients: nothing is shown.</p>",
                self.masking.threshold
            );
        }
        let mut rows = String::new();
        let mut line = |what: &str, now: u64, before: Option<u64>| {
            let before = before.map_or_else(|| "–".to_owned(), |before| change(before, now, self.masking));
            rows.push_str(&format!(
                "<tr><td>{what}</td><td>{}</td><td>{before}</td></tr>",
                whole(now)
            ));
        };
        let visible = self.before.filter(|before| !self.masking.hides(before.rows));
        line("rows", profile.rows.rows, visible.map(|b| b.rows.rows));
        if profile.patients > 0 {
            line("patients", profile.patients, visible.map(|b| b.patients));
        }
        line("resources", profile.resources, visible.map(|b| b.resources));
        if !self.masking.hides_number(profile.duplicates) {
            let before = visible
                .map(|b| b.duplicates)
                .filter(|n| !self.masking.hides_number(*n));
            line("rows that repeat another", profile.duplicates, before);
        }
        format!(
            "<table><tr><th></th><th>this run</th><th>run before</th></tr>{rows}</table>\
             <p class=\"soft\">Melting: {} rows a resource on average, {} at most.</p>",
            decimal(factor(profile)),
            whole(profile.most_rows)
        )
    }

    /// The date column that says when rows happened.
    pub(crate) fn when(&self) -> Option<&ColumnProfile> {
        let dated = |column: &&ColumnProfile| column.days.is_some() && !self.masking.hides(column.filled);
        let described = self.description.and_then(|table| {
            WHEN.iter().find_map(|path| {
                let name = &table.columns[table.position_of_path(path)?].name;
                let column = self.profile.column(name).filter(dated)?;
                (column.null_share() < 0.5).then_some(column)
            })
        });
        let fullest = || {
            self.profile
                .columns
                .iter()
                .filter(dated)
                .max_by_key(|column| column.filled.rows)
        };
        described.or_else(fullest).filter(|column| column.filled.rows > 0)
    }

    /// Rows by month of that column.
    pub(crate) fn over_time(&self, column: &ColumnProfile) -> String {
        let days: &Days = match &column.days {
            Some(days) => days,
            None => return String::new(),
        };
        course(
            &format!("rows by month of {}", column.name),
            days,
            column.empty,
            self.masking,
        )
    }

    fn defects(&self) -> String {
        let Some(figures) = self.figures.filter(|f| f.defects > 0) else {
            return String::new();
        };
        let few = self.masking.threshold;
        let entries: Vec<(String, f64, String)> = figures
            .defects_by_kind
            .iter()
            .map(|(kind, &count)| {
                if self.masking.hides_number(count) {
                    return (kind.clone(), 0.0, format!("fewer than {few}"));
                }
                #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
                let amount = count as f64;
                (kind.clone(), amount, whole(count))
            })
            .collect();
        let total = if self.masking.hides_number(figures.defects) || entries.iter().any(|e| e.1 == 0.0) {
            String::new()
        } else {
            format!(" ({})", whole(figures.defects))
        };
        let chart = super::chart::list("by kind", &entries);
        format!(
            "<h2>Defects</h2><div class=\"card\"><p class=\"soft\">Values that could not be typed{total}; the raw rows keep them.</p>{chart}</div>"
        )
    }
}

/// Rows a resource.
pub(crate) fn factor(profile: &TableProfile) -> f64 {
    share(profile.rows.rows, profile.resources)
}

/// A number of the run before; one that differs by few is not told, since the difference would be.
pub(crate) fn change(before: u64, now: u64, masking: Masking) -> String {
    if masking.hides_number(before.abs_diff(now)) {
        return "nearly the same".to_owned();
    }
    let part = share(before.abs_diff(now), before);
    match now.cmp(&before) {
        std::cmp::Ordering::Equal => whole(before),
        std::cmp::Ordering::Greater => format!("{} (+{})", whole(before), percent(part)),
        std::cmp::Ordering::Less => format!("{} (−{})", whole(before), percent(part)),
    }
}

/// What the tests said, failures first.
pub(crate) fn tests(outcomes: &[&Outcome], masking: Masking) -> String {
    if outcomes.is_empty() {
        return "<p class=\"soft\">Not tested yet.</p>".to_owned();
    }
    let (failed, others): (Vec<&Outcome>, Vec<_>) = outcomes
        .iter()
        .copied()
        .partition(|outcome| outcome.verdict == Verdict::Failed);
    let failed = if failed.is_empty() {
        "<p class=\"good\">No test failed.</p>".to_owned()
    } else {
        failures(&failed, masking)
    };
    format!(
        "{failed}<details><summary>other tests</summary>{}</details>",
        failures(&others, masking)
    )
}

/// Outcomes as a list. What was found in rows of few patients is not told.
pub(crate) fn failures(outcomes: &[&Outcome], masking: Masking) -> String {
    let mut items = String::new();
    for outcome in outcomes {
        let (class, word) = match (outcome.verdict, outcome.severity) {
            (Verdict::Failed, Severity::Stop) => ("stop", "stops"),
            (Verdict::Failed, Severity::Hold) => ("stop", "holds"),
            (Verdict::Failed, _) => ("warn", "remarks"),
            (Verdict::Passed, _) => ("good", "passed"),
            (Verdict::Skipped, _) => ("soft", "not made"),
        };
        let found = if outcome.few && masking.threshold > 0 {
            format!("rows of fewer than {} patients", masking.threshold)
        } else {
            outcome.found.clone()
        };
        let advice = if outcome.advice.is_empty() {
            String::new()
        } else {
            format!(" – {}", escape(&outcome.advice))
        };
        items.push_str(&format!(
            "<li><span class=\"{class}\">{word}</span> {} {}: {}{advice}</li>",
            escape(&outcome.test),
            escape(&outcome.place),
            escape(&found)
        ));
    }
    format!("<ul class=\"tests\">{items}</ul>")
}
