use quick_xml::escape::escape;
use table_description::TableDescription;

use super::column_card::Card;
use super::mask::Masking;
use super::months::{course, published};
use super::page::{SEARCH, page};
use super::run_figures::TableFigures;
use super::text::{decimal, percent, whole};
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
    /// The last runs of the table, as HTML.
    pub(crate) trend: &'p str,
    /// Its batches, as HTML.
    pub(crate) batches: &'p str,
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
        let (mut filled, empty): (Vec<&ColumnProfile>, Vec<_>) = self
            .profile
            .columns
            .iter()
            .partition(|column| column.filled.rows > 0);
        filled.sort_by_key(|column| self.rank(column));
        body.push_str(&contents(&filled));
        body.push_str(&format!(
            "<h2 id=\"tests\">Tests</h2>{}",
            tests(self.outcomes, self.masking)
        ));
        if let Some(when) = self.when() {
            body.push_str("<h2 id=\"time\">Over time</h2><div class=\"card\">");
            body.push_str(&self.over_time(when));
            body.push_str("</div>");
        }
        body.push_str(self.trend);
        body.push_str(self.batches);
        body.push_str(&self.defects());
        body.push_str(&format!(
            "<h2 id=\"columns\">Columns</h2>{SEARCH}<div class=\"grid\">"
        ));
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
            let names: Vec<_> = empty.iter().map(|column| escape(&column.name)).collect();
            body.push_str(&format!(
                "<h2 id=\"empty\">Empty columns</h2><details><summary>{} columns without a value</summary><p class=\"soft\">{}</p></details>",
                names.len(),
                names.join(", ")
            ));
        }
        page(&self.profile.table, &body)
    }

    /// Values before dates, dates before other texts, those before what identifies.
    fn rank(&self, column: &ColumnProfile) -> u8 {
        let path = self.description.and_then(|table| {
            let position = table.position(&column.name)?;
            Some(table.columns[position].path().as_str())
        });
        let path = path.unwrap_or_default();
        let ends = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
        if path == "id" || path.starts_with("meta/") || path.contains("identifier") {
            return 4;
        }
        if ends(&["/reference", "/system", "/version"]) {
            return 3;
        }
        match (&column.numbers, column.codes.is_empty(), &column.days) {
            (Some(_), ..) => 0,
            (_, false, _) => 1,
            (.., Some(_)) => 2,
            _ => 3,
        }
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
                whole(self.masking.shown(now))
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
             <p class=\"soft\">Melting: {} rows a resource on average.</p>",
            decimal(factor(profile, self.masking))
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
        let published = published(days, column.empty, self.masking);
        course(&column.name, &published, self.masking.threshold)
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
                let amount = self.masking.shown(count) as f64;
                (kind.clone(), amount, whole(self.masking.shown(count)))
            })
            .collect();
        let total = if self.masking.hides_number(figures.defects) || entries.iter().any(|e| e.1 == 0.0) {
            String::new()
        } else {
            format!(" ({})", whole(self.masking.shown(figures.defects)))
        };
        let chart = super::chart::list("by kind", &entries);
        format!(
            "<h2 id=\"defects\">Defects</h2><div class=\"card\"><p class=\"soft\">Values that could not be typed{total}; the raw rows keep them.</p>{chart}</div>"
        )
    }
}

/// Rows a resource, of the numbers that are shown.
pub(crate) fn factor(profile: &TableProfile, masking: Masking) -> f64 {
    share(masking.shown(profile.rows.rows), masking.shown(profile.resources))
}

/// Links to the parts of a long page.
fn contents(columns: &[&ColumnProfile]) -> String {
    let parts = [
        ("tests", "tests"),
        ("time", "over time"),
        ("trend", "the last runs"),
        ("batches", "batches"),
        ("columns", "columns"),
    ];
    let parts: String = parts
        .iter()
        .map(|(id, name)| format!("<a href=\"#{id}\">{name}</a>"))
        .collect();
    let columns: String = columns
        .iter()
        .map(|column| format!("<a href=\"#{0}\">{0}</a>", escape(&column.name)))
        .collect();
    format!(
        "<nav class=\"contents\">{parts}</nav><details><summary>columns with values</summary><nav class=\"contents\">{columns}</nav></details>"
    )
}

/// A number of the run before; one that differs by few is not told, since the difference would be.
pub(crate) fn change(before: u64, now: u64, masking: Masking) -> String {
    if masking.hides_number(before.abs_diff(now)) {
        return "nearly the same".to_owned();
    }
    let (before, now) = (masking.shown(before), masking.shown(now));
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
