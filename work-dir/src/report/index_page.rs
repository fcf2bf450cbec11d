use std::borrow::Cow;

use jiff::Zoned;
use quick_xml::escape::escape;

use super::chart::list;
use super::mask::Masking;
use super::page::page;
use super::run_figures::RunFigures;
use super::table_page::{TablePage, change, factor};
use super::text::{decimal, whole};
use super::trend::{self, Past};
use crate::checks::{Outcome, Severity, Verdict};

/// The first page: the verdict, what failed, and all tables of a run.
pub(crate) fn index(
    tables: &[TablePage<'_>],
    figures: &RunFigures,
    runs: &[Past],
    signals: &str,
    masking: Masking,
) -> String {
    let at = Zoned::now().strftime("%Y-%m-%d %H:%M");
    let mut body = format!(
        "<h1>What a run loaded</h1>{}",
        verdict_card(figures, runs, masking)
    );
    let failed = failures_of(tables, masking);
    body.push_str(&format!("<h2>Tests that failed</h2>{failed}"));
    body.push_str(&format!("<h2>Tables</h2>{}", overview(tables, masking)));
    body.push_str(signals);
    if runs.len() > 1 {
        body.push_str(&format!(
            "<h2>The last runs</h2>{}",
            trend::of_runs(runs, masking)
        ));
    }
    body.push_str("<h2>Rows over time</h2><div class=\"grid\">");
    for table in tables.iter().filter(|table| !masking.hides(table.profile.rows)) {
        if let Some(when) = table.when() {
            let name = escape(&table.profile.table);
            body.push_str(&format!(
                "<section class=\"card\"><h3><a href=\"{name}/index.html\">{name}</a></h3>{}</section>",
                table.over_time(when)
            ));
        }
    }
    body.push_str("</div>");
    body.push_str(&stages(figures));
    body.push_str(&format!(
        "<p class=\"soft\">Report of {at}. {}</p>",
        notice(masking)
    ));
    page("What a run loaded", &body)
}

/// Complete or not, and of what: server, wards, period, run, description, how long; and what is missing or remarked.
fn verdict_card(figures: &RunFigures, runs: &[Past], masking: Masking) -> String {
    let (edge, word) = match (figures.verdict.as_str(), figures.complete) {
        ("complete", _) => ("good", "Complete"),
        ("complete_with_remarks", _) => ("warn", "Complete with remarks"),
        ("incomplete", _) | ("", Some(false)) => ("stop", "Incomplete"),
        ("", Some(true)) => ("good", "Complete"),
        _ => ("stop", "The run has not ended"),
    };
    let about = &figures.about;
    let mut facts = String::new();
    let mut fact = |name: &str, value: &str| {
        if !value.is_empty() {
            facts.push_str(&format!("<dt>{name}</dt><dd>{value}</dd>"));
        }
    };
    fact("server", &breakable(&about.server));
    fact("wards", &escape(about.wards.join(", ")));
    if let Some(until) = &about.until {
        let text = format!("what changed since each patient was asked for last, until {until}");
        fact("period", &escape(&text));
    }
    fact("run", &about.run.map_or_else(String::new, |run| run.to_string()));
    fact(
        "begun",
        &runs
            .first()
            .and_then(Past::begun)
            .map_or_else(Cow::default, escape),
    );
    fact("description", &escape(&about.description));
    if figures.patients > 0 {
        fact(
            "patients",
            &format!(
                "{} asked for, {} of them on the wards",
                whole(masking.shown(figures.patients)),
                whole(masking.shown(figures.ward_patients))
            ),
        );
    }
    if figures.seconds > 0.0 {
        fact(
            "took",
            &match figures.peak_rss_bytes >> 20 {
                0 => format!("{} s", decimal(figures.seconds)),
                mebibytes => format!("{} s, {mebibytes} MiB at most", decimal(figures.seconds)),
            },
        );
    }
    let deleted: Vec<String> = figures
        .deleted
        .iter()
        .filter(|(_, n)| !masking.hides_number(**n) && **n > 0)
        .map(|(resource, n)| format!("{} {resource}", whole(masking.shown(*n))))
        .collect();
    fact("gone from the server", &escape(deleted.join(", ")));
    let mut lines = String::new();
    for missing in &figures.incomplete {
        let place = [missing.resource.as_str(), missing.place.as_str()].join(" ");
        lines.push_str(&format!(
            "<li><span class=\"stop\">missing</span> {}: {}</li>",
            escape(place.trim()),
            escape(&missing.cause)
        ));
    }
    for remark in &figures.remarks {
        lines.push_str(&format!(
            "<li><span class=\"warn\">remark</span> {}</li>",
            breakable(remark)
        ));
    }
    let lines = if lines.is_empty() {
        lines
    } else {
        format!("<ul class=\"tests\">{lines}</ul>")
    };
    format!(
        "<section class=\"card verdict {edge}-edge\"><p class=\"word {edge}\">{word}</p><dl class=\"facts\">{facts}</dl>{lines}</section>"
    )
}

/// A text whose paths and addresses break behind a slash, not within a word.
fn breakable(text: &str) -> String {
    escape(text).replace('/', "/<wbr>")
}

fn failures_of(tables: &[TablePage<'_>], masking: Masking) -> String {
    let mut failed = String::new();
    for table in tables {
        let own: Vec<&Outcome> = table
            .outcomes
            .iter()
            .copied()
            .filter(|o| o.verdict == Verdict::Failed)
            .collect();
        if !own.is_empty() && !masking.hides(table.profile.rows) {
            failed.push_str(&format!(
                "<h3>{}</h3>{}",
                escape(&table.profile.table),
                super::table_page::failures(&own, masking)
            ));
        }
    }
    if !failed.is_empty() {
        return failed;
    }
    if tables.iter().all(|table| table.outcomes.is_empty()) {
        "<p class=\"soft\">Not tested yet: cds2db work check.</p>".to_owned()
    } else {
        "<p class=\"good\">None.</p>".to_owned()
    }
}

fn notice(masking: Masking) -> String {
    if masking.threshold == 0 {
        "Nothing is masked: this report must not leave the clinic.".to_owned()
    } else {
        let numbers = if masking.rounds() {
            "Numbers are rounded to multiples of 5."
        } else {
            "Numbers are exact, so what is hidden may follow from others."
        };
        format!(
            "What belongs to fewer than {} patients is hidden. {numbers}",
            masking.threshold
        )
    }
}

fn overview(tables: &[TablePage<'_>], masking: Masking) -> String {
    let mut rows = String::new();
    for table in tables {
        let name = escape(&table.profile.table);
        if masking.hides(table.profile.rows) {
            rows.push_str(&format!(
                "<tr><td>{name}</td><td colspan=\"8\">fewer than {} patients</td></tr>",
                masking.threshold
            ));
            continue;
        }
        let profile = table.profile;
        let before = table
            .before
            .filter(|before| !masking.hides(before.rows))
            .map_or_else(
                || "–".to_owned(),
                |before| change(before.rows.rows, profile.rows.rows, masking),
            );
        let cells = profile.columns.len() as u64 * profile.rows.rows;
        let empty: u64 = profile.columns.iter().map(|column| column.empty.rows).sum();
        let defects = match table.figures {
            Some(figures) if masking.hides_number(figures.defects) => {
                format!("fewer than {}", masking.threshold)
            }
            Some(figures) => whole(masking.shown(figures.defects)),
            None => "–".to_owned(),
        };
        let patients = if profile.patients == 0 {
            "–".to_owned()
        } else {
            whole(masking.shown(profile.patients))
        };
        let cells = [
            format!("<a href=\"{name}/index.html\">{name}</a>"),
            whole(masking.shown(profile.rows.rows)),
            whole(masking.shown(profile.resources)),
            patients,
            before,
            decimal(factor(profile, masking)),
            masking.percent(empty, cells),
            defects,
            verdict(table.outcomes),
        ];
        let cell = |(label, cell): (&&str, &String)| format!("<td data-label=\"{label}\">{cell}</td>");
        let cells: String = HEADS.iter().zip(&cells).map(cell).collect();
        rows.push_str(&format!("<tr>{cells}</tr>"));
    }
    let heads: String = HEADS.iter().map(|head| format!("<th>{head}</th>")).collect();
    format!("<table class=\"stack\"><tr>{heads}</tr>{rows}</table>")
}

/// Columns of the list of tables.
const HEADS: [&str; 9] = [
    "table",
    "rows",
    "resources",
    "patients",
    "rows in the run before",
    "rows a resource",
    "empty cells",
    "defects",
    "tests",
];

fn verdict(outcomes: &[&Outcome]) -> String {
    let failed = |severity: fn(Severity) -> bool| {
        outcomes
            .iter()
            .filter(|o| o.verdict == Verdict::Failed && severity(o.severity))
            .count()
    };
    let (stops, warns) = (failed(|s| s == Severity::Stop), failed(|s| s != Severity::Stop));
    match (outcomes.is_empty(), stops, warns) {
        (true, ..) => "<span class=\"soft\">none</span>".to_owned(),
        (_, 0, 0) => "<span class=\"good\">passed</span>".to_owned(),
        (_, 0, warns) => format!("<span class=\"warn\">{warns} remarked</span>"),
        (_, stops, _) => format!("<span class=\"stop\">{stops} stop</span>"),
    }
}

fn stages(figures: &RunFigures) -> String {
    if figures.stages.is_empty() {
        return String::new();
    }
    let mut stages: Vec<_> = figures.stages.iter().collect();
    stages.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
    let entries: Vec<(String, f64, String)> = stages
        .into_iter()
        .map(|(name, stage)| {
            (
                name.clone(),
                stage.seconds,
                format!("{} s", decimal(stage.seconds)),
            )
        })
        .collect();
    let total = decimal(figures.seconds);
    format!(
        "<h2>Stages</h2><div class=\"card\"><p class=\"soft\">The run took {total} s; stages overlap.</p>{}</div>",
        list("seconds", &entries)
    )
}
