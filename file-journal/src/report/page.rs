//! The page itself.

use std::fmt::Write as _;

use super::{Overview, chart};
use crate::check::{CheckReport, Severity};
use crate::text::{bytes, html as esc, shown};

/// Rows of a list that are shown; the rest is counted.
const LISTED: usize = 200;

const STYLE: &str = ":root{color-scheme:light dark;--b:#fff;--f:#1b1f24;--m:#5b6570;--l:#d8dde3;--e:#b3261e;--w:#8a5a00;--g:#1b6e3a}\
@media(prefers-color-scheme:dark){:root{--b:#14171a;--f:#e6e9ec;--m:#9aa4ae;--l:#333a41;--e:#ff8a80;--w:#ffc65c;--g:#7bd69b}}\
*{box-sizing:border-box}body{margin:0 auto;max-width:72rem;padding:1rem;background:var(--b);color:var(--f);font:16px/1.45 system-ui,sans-serif}\
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem;border-bottom:1px solid var(--l)}\
.verdict{font-size:1.1rem;font-weight:600}.error{color:var(--e)}.warning{color:var(--w)}.good{color:var(--g)}.quiet{color:var(--m)}\
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--l);vertical-align:top}td.n,th.n{text-align:right}\
td.p{overflow-wrap:anywhere;min-width:12rem}.chart{width:100%;min-width:34rem;height:auto;max-height:16rem}.chart text{fill:var(--m);font-size:11px}.grid{stroke:var(--l)}\
.s0{fill:#3b6fb6}.s1{fill:#d07a2d}.s2{fill:#4a9c6d}.s3{fill:#a25fb3}.s4{fill:#b8a02d}.s5{fill:#6b7785}\
.key span{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}nav a{margin-right:1rem;color:inherit}\
@media print{nav{display:none}body{max-width:none}}";

const KEY: [&str; 6] = ["#3b6fb6", "#d07a2d", "#4a9c6d", "#a25fb3", "#b8a02d", "#6b7785"];

pub(super) fn html(overview: &Overview, checked: Option<&CheckReport>) -> String {
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <title>File journal</title><style>{STYLE}</style><body><h1>File journal</h1>"
    );
    verdict(&mut page, overview, checked);
    page.push_str("<nav><a href=#now>Now</a><a href=#time>Over time</a><a href=#waiting>Waiting</a><a href=#findings>Findings</a><a href=#patients>Patients</a><a href=#history>History</a></nav>");
    now(&mut page, overview);
    over_time(&mut page, overview);
    waiting(&mut page, overview);
    findings(&mut page, checked);
    patients(&mut page, overview);
    history(&mut page, overview);
    page.push_str("</body></html>\n");
    page
}

fn verdict(page: &mut String, overview: &Overview, checked: Option<&CheckReport>) {
    let waits = overview.waiting.len();
    let (class, text) = match (waits, overview.versions.last()) {
        (_, None) => ("quiet", "Nothing was scanned yet.".to_owned()),
        (0, Some(last)) => (
            "good",
            format!(
                "Everything up to version {} is marked as sent.",
                shown(&last.version)
            ),
        ),
        (waits, Some(last)) => (
            "warning",
            format!(
                "{waits} files wait to be sent; the newest version is {}.",
                shown(&last.version)
            ),
        ),
    };
    let _ = write!(page, "<p class=\"verdict {class}\">{}</p>", esc(&text));
    if let Some(report) = checked {
        let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
        let class = match (errors, warnings) {
            (0, 0) => "good",
            (0, _) => "warning",
            _ => "error",
        };
        let _ = write!(
            page,
            "<p class={class}>Check of {} files: {errors} errors, {warnings} warnings.</p>",
            report.files
        );
    }
}

fn now(page: &mut String, overview: &Overview) {
    page.push_str("<h2 id=now>Now</h2><div class=wide><table><tr><th>Modality<th class=n>Files<th class=n>Bytes<th class=n>Patients<th class=n>Waiting<th class=n>Bytes waiting</tr>");
    for of in &overview.modalities {
        let _ = write!(
            page,
            "<tr><td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}</tr>",
            esc(&of.modality),
            of.files,
            bytes(of.bytes),
            of.patients,
            of.waiting,
            bytes(of.waiting_bytes)
        );
    }
    page.push_str("</table></div>");
}

fn over_time(page: &mut String, overview: &Overview) {
    let series: Vec<String> = overview.modalities.iter().map(|m| m.modality.clone()).collect();
    page.push_str("<h2 id=time>Over time</h2><p class=key>");
    for (at, name) in series.iter().enumerate() {
        let _ = write!(
            page,
            "<span style=\"background:{}\"></span>{}",
            KEY[at % KEY.len()],
            esc(name)
        );
    }
    page.push_str("</p><h3>Files after each version</h3>");
    let files: Vec<_> = overview
        .versions
        .iter()
        .map(|v| (v.version.clone(), &v.files))
        .collect();
    page.push_str(&chart::bars(
        "Files after each version",
        &files,
        &series,
        |count| count.to_string(),
    ));
    page.push_str("<h3>Bytes after each version</h3>");
    let sizes: Vec<_> = overview
        .versions
        .iter()
        .map(|v| (v.version.clone(), &v.bytes))
        .collect();
    page.push_str(&chart::bars("Bytes after each version", &sizes, &series, bytes));
    page.push_str("<div class=wide><table><tr><th>Version<th class=n>Added<th class=n>Changed<th class=n>Deleted<th class=n>Bytes brought</tr>");
    for of in overview.versions.iter().rev() {
        let _ = write!(
            page,
            "<tr><td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}</tr>",
            esc(&of.version),
            of.added,
            of.changed,
            of.deleted,
            bytes(of.bytes_brought)
        );
    }
    page.push_str("</table></div>");
}

fn waiting(page: &mut String, overview: &Overview) {
    page.push_str("<h2 id=waiting>Waiting to be sent</h2>");
    if overview.waiting.is_empty() {
        page.push_str("<p class=quiet>Nothing.</p>");
        return;
    }
    page.push_str("<div class=wide><table><tr><th>Modality<th>File<th class=n>Bytes<th>Why it was left</tr>");
    for file in overview.waiting.iter().take(LISTED) {
        let _ = write!(
            page,
            "<tr><td>{}<td class=p>{}<td class=n>{}<td>{}</tr>",
            esc(&file.modality),
            esc(&file.path),
            bytes(file.size),
            esc(file.why.as_deref().unwrap_or("not submitted yet"))
        );
    }
    page.push_str("</table></div>");
    more(page, overview.waiting.len());
}

fn more(page: &mut String, all: usize) {
    if all > LISTED {
        let _ = write!(page, "<p class=quiet>and {} more</p>", all - LISTED);
    }
}

fn findings(page: &mut String, checked: Option<&CheckReport>) {
    page.push_str("<h2 id=findings>Findings</h2>");
    let Some(report) = checked else {
        page.push_str("<p class=quiet>The folders were not checked for this page.</p>");
        return;
    };
    if report.findings.is_empty() {
        page.push_str("<p class=good>Nothing is wrong with the files.</p>");
        return;
    }
    page.push_str("<div class=wide><table><tr><th>Severity<th>Kind<th>File<th>Reason</tr>");
    for finding in report.findings.iter().take(LISTED) {
        let class = if finding.severity == Severity::Error {
            "error"
        } else {
            "warning"
        };
        let _ = write!(
            page,
            "<tr><td class={class}>{class}<td>{}<td class=p>{}<td>{}</tr>",
            finding.kind.name(),
            esc(&finding.path),
            esc(&finding.reason)
        );
    }
    page.push_str("</table></div>");
    more(page, report.findings.len());
}

fn patients(page: &mut String, overview: &Overview) {
    page.push_str("<h2 id=patients>Patients by modality</h2><div class=wide><table><tr><th>Modalities<th class=n>Patients</tr>");
    for (set, count) in &overview.patients {
        let _ = write!(page, "<tr><td>{}<td class=n>{count}</tr>", esc(&set.join(" + ")));
    }
    page.push_str("</table></div>");
}

fn history(page: &mut String, overview: &Overview) {
    page.push_str("<h2 id=history>Last commands</h2><div class=wide><table><tr><th>When<th>Command<th>Options<th class=n>Seconds</tr>");
    for past in &overview.history {
        let options: String = past.options.chars().take(200).collect();
        let _ = write!(
            page,
            "<tr><td>{}<td>{}<td class=p>{}<td class=n>{}</tr>",
            esc(&past.at),
            esc(&past.command),
            esc(&options),
            past.seconds.map(|s| format!("{s:.1}")).unwrap_or_default()
        );
    }
    page.push_str("</table></div>");
}
