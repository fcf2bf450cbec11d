//! The last runs of the same directory beside each other.

use quick_xml::escape::escape;

use super::mask::Masking;
use super::run_figures::RunFigures;
use super::text::{decimal, whole};
use crate::profile::TableProfile;
use crate::{Error, Layout, Runs};

/// Runs that are shown, this one counted.
const RUNS: usize = 8;

/// One run.
#[derive(Debug)]
pub(crate) struct Past {
    layout: Layout,
    /// Wall time, by the directory's name.
    begun: Option<String>,
    figures: RunFigures,
}

impl Past {
    /// When it began, as it is shown; `None` where its directory does not tell.
    pub(crate) fn begun(&self) -> Option<&str> {
        self.begun.as_deref()
    }

    fn name(&self) -> String {
        escape(self.begun.as_deref().unwrap_or("this run")).into_owned()
    }
}

/// The last runs up to this one, the newest first.
pub(crate) fn runs(layout: &Layout) -> Result<Vec<Past>, Error> {
    let mut found = Vec::new();
    let mut at = Some(layout.clone());
    while let Some(layout) = at.filter(|_| found.len() < RUNS) {
        at = Runs::before(&layout)?;
        let begun = Runs::begun(&layout).map(|at| at.strftime("%Y-%m-%d %H:%M").to_string());
        let figures = RunFigures::read(&layout)?;
        found.push(Past {
            layout,
            begun,
            figures,
        });
    }
    Ok(found)
}

/// All tables of each run together.
pub(crate) fn of_runs(runs: &[Past], masking: Masking) -> String {
    let heads = &[
        "run",
        "verdict",
        "patients asked for",
        "resources",
        "new rows",
        "rows seen again",
        "defects",
        "seconds",
    ];
    let mut rows = String::new();
    for run in runs {
        let sum = |of: fn(&super::run_figures::TableFigures) -> u64| -> u64 {
            run.figures.tables.values().map(of).sum()
        };
        let verdict = if run.figures.verdict.is_empty() {
            "–".to_owned()
        } else {
            run.figures.verdict.replace('_', " ")
        };
        rows.push_str(&line(
            heads,
            &[
                run.name(),
                escape(&verdict).into_owned(),
                whole(masking.shown(run.figures.patients)),
                whole(masking.shown(sum(|t| t.downloaded))),
                whole(masking.shown(sum(|t| t.typed_new))),
                whole(masking.shown(sum(|t| t.typed_seen))),
                whole(masking.shown(sum(|t| t.defects))),
                decimal(run.figures.seconds),
            ],
        ));
    }
    table(heads, &rows)
}

/// One table in each run.
pub(crate) fn of_table(runs: &[Past], name: &str, masking: Masking) -> Result<String, Error> {
    let heads = &[
        "run",
        "rows",
        "resources",
        "patients",
        "new",
        "seen again",
        "empty cells",
    ];
    let mut rows = String::new();
    let mut shown = 0;
    for run in runs {
        let Some(profile) = TableProfile::read(&run.layout, name)? else {
            continue;
        };
        let figures = run.figures.tables.get(name).cloned().unwrap_or_default();
        shown += 1;
        if masking.hides(profile.rows) {
            let few = format!("fewer than {} patients", masking.threshold);
            rows.push_str(&line(heads, &[run.name(), few]));
            continue;
        }
        let cells = profile.columns.len() as u64 * profile.rows.rows;
        let empty: u64 = profile.columns.iter().map(|column| column.empty.rows).sum();
        rows.push_str(&line(
            heads,
            &[
                run.name(),
                whole(masking.shown(profile.rows.rows)),
                whole(masking.shown(profile.resources)),
                whole(masking.shown(profile.patients)),
                whole(masking.shown(figures.typed_new)),
                whole(masking.shown(figures.typed_seen)),
                masking.percent(empty, cells),
            ],
        ));
    }
    if shown < 2 {
        return Ok(String::new());
    }
    Ok(format!(
        "<h2 id=\"trend\">The last runs</h2>{}",
        table(heads, &rows)
    ))
}

fn line(heads: &[&str], cells: &[String]) -> String {
    let cells: String = heads
        .iter()
        .zip(cells)
        .map(|(head, cell)| format!("<td data-label=\"{head}\">{cell}</td>"))
        .collect();
    format!("<tr>{cells}</tr>")
}

fn table(heads: &[&str], rows: &str) -> String {
    let heads: String = heads.iter().map(|head| format!("<th>{head}</th>")).collect();
    format!("<table class=\"stack\"><tr>{heads}</tr>{rows}</table>")
}
