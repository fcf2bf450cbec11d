use jiff::Zoned;

use super::chart::list;
use super::mask::Masking;
use super::page::page;
use super::run_figures::RunFigures;
use super::table_page::{TablePage, change, factor};
use super::text::{decimal, escape, percent, whole};
use crate::checks::{Outcome, Severity, Verdict};
use crate::profile::share;

/// The first page: all tables of a run.
pub(crate) fn index(tables: &[TablePage<'_>], figures: &RunFigures, masking: Masking) -> String {
    let at = Zoned::now().strftime("%Y-%m-%d %H:%M");
    let mut body = format!(
        "<h1>What a run loaded</h1><p class=\"soft\">Report of {at}. {}</p>",
        notice(masking)
    );
    body.push_str(&format!("<h2>Tables</h2>{}", overview(tables, masking)));
    body.push_str("<h2>Tests that failed</h2>");
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
    if failed.is_empty() {
        let untested = tables.iter().all(|table| table.outcomes.is_empty());
        failed = if untested {
            "<p class=\"soft\">Not tested yet: cds2db work check.</p>".to_owned()
        } else {
            "<p class=\"good\">None.</p>".to_owned()
        };
    }
    body.push_str(&failed);
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
    page("What a run loaded", &body)
}

fn notice(masking: Masking) -> String {
    if masking.threshold == 0 {
        "Nothing is masked: this report must not leave the clinic.".to_owned()
    } else {
        format!(
            "What belongs to fewer than {} patients is hidden.",
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
                "<tr><td>{name}</td><td colspan=\"7\">fewer than {} patients</td></tr>",
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
            Some(figures) => whole(figures.defects),
            None => "–".to_owned(),
        };
        let patients = if profile.patients == 0 {
            "–".to_owned()
        } else {
            whole(profile.patients)
        };
        let cells = [
            format!("<a href=\"{name}/index.html\">{name}</a>"),
            whole(profile.rows.rows),
            before,
            patients,
            decimal(factor(profile)),
            percent(share(empty, cells)),
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
const HEADS: [&str; 8] = [
    "table",
    "rows",
    "run before",
    "patients",
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
