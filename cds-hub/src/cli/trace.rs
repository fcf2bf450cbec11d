use std::collections::BTreeSet;
use std::fmt::Write as _;

use cds_hub::lineage::{Interface, Origin};
use cds_hub::schema::Model;
use cds_hub::{Error, ErrorKind, Hub, HubTables, Result};
use serde_json::{Value, json};

use super::output;

/// Sources named in each part of the screen, unless all are asked for.
const CURRENT: usize = 16;
const OLDER: usize = 6;
/// Row ids named of one source.
const IDS: usize = 5;

/// What to trace, and how much of it to show.
#[derive(clap::Args)]
pub(crate) struct TraceArguments {
    /// Table, such as fall_fe, patient, or a site's own.
    pub(crate) table: String,
    /// The row's id, as the table's views show it.
    pub(crate) id: i32,
    /// Follow the value of this column. The output is patient data.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) cell: Option<String>,
    /// Name every source, however many there are.
    #[arg(long)]
    pub(crate) all: bool,
}

/// Prints what a row, or one of its cells, was made from, when, and what of it is superseded.
pub(crate) async fn trace(hub: &Hub, tables: &HubTables, what: &TraceArguments, json: bool) -> Result<()> {
    let cell = what.cell.as_deref();
    let origins = hub.trace(&Model::new(tables), &what.table, what.id, cell).await?;
    if json {
        output::json(&Value::Array(origins.iter().map(value).collect()));
    } else {
        output::text(&screen(&origins, cell, what.all));
    }
    Ok(())
}

fn value(origin: &Origin) -> Value {
    json!({
        "depth": origin.depth, "table": origin.table, "id": origin.id, "resource": origin.resource,
        "version": origin.version, "since": origin.since, "confirmed": origin.confirmed,
        "input_processing_nr": origin.input_processing_nr, "last_processing_nr": origin.last_processing_nr,
        "current": origin.is_current, "value": origin.value, "columns": origin.holds,
    })
}

/// One source: a version of a resource, with the rows made of it.
#[derive(Default)]
pub(super) struct Source<'o> {
    pub(super) raw: Option<&'o Origin>,
    pub(super) typed: Vec<&'o Origin>,
    columns: BTreeSet<&'o str>,
    pub(super) is_current: bool,
}

impl Source<'_> {
    fn text(&self) -> String {
        let of = self.raw.or(self.typed.first().copied());
        let (table, resource, version) = of.map_or(("", None, None), |o| {
            (o.table.as_str(), o.resource.as_deref(), o.version.as_deref())
        });
        let mut text = format!("  {}", resource.unwrap_or(table));
        if let Some(version) = version {
            let _ = write!(text, " version {version}");
        }
        let since = |origin: Option<&&Origin>| origin.and_then(|o| o.since.clone());
        if let Some(at) = since(self.raw.as_ref()) {
            let _ = write!(text, "   downloaded {at}");
        }
        if let Some(at) = since(self.typed.first()) {
            let _ = write!(text, "   typed {at}");
        }
        if let Some(typed) = self.typed.first() {
            let ids: Vec<String> = self
                .typed
                .iter()
                .take(IDS)
                .filter_map(|o| o.id)
                .map(|id| id.to_string())
                .collect();
            let more = self.typed.len().saturating_sub(IDS);
            let _ = write!(text, "   {} {}", typed.table, ids.join(","));
            if more > 0 {
                let _ = write!(text, " and {more} more");
            }
        }
        if let Some(raw) = self.raw {
            let _ = write!(text, "   {} {}", raw.table, raw.id.unwrap_or(raw.key));
        }
        if !self.columns.is_empty() {
            let columns: Vec<&str> = self.columns.iter().copied().collect();
            let _ = write!(text, "   in {}", columns.join(", "));
        }
        text + "\n"
    }
}

/// The sources of one row, each named once: a raw row stands for all typed rows made of it.
pub(super) fn sources(origins: &[Origin]) -> Vec<Source<'_>> {
    let mut sources: Vec<Source<'_>> = Vec::new();
    let mut above: Option<&Origin> = None;
    for (i, origin) in origins.iter().enumerate() {
        let is_leaf = origins.get(i + 1).is_none_or(|next| next.depth <= origin.depth);
        if !is_leaf {
            above = Some(origin);
            continue;
        }
        let typed = above.filter(|above| above.depth + 1 == origin.depth);
        let (raw, typed) = match typed {
            Some(typed) => (Some(origin), Some(typed)),
            None if origin.table.ends_with("_raw") => (Some(origin), None),
            None => (None, Some(origin)),
        };
        let is_current = origin.is_current && typed.is_none_or(|typed| typed.is_current);
        let known = sources.iter().position(|source| {
            raw.is_some_and(|raw| {
                source
                    .raw
                    .is_some_and(|r| (&r.table, r.key) == (&raw.table, raw.key))
            }) && source.is_current == is_current
        });
        let at = known.unwrap_or_else(|| {
            sources.push(Source {
                raw,
                is_current,
                ..Source::default()
            });
            sources.len() - 1
        });
        if let Some(source) = sources.get_mut(at) {
            source.typed.extend(typed);
            source.columns.extend(origin.holds.iter().map(String::as_str));
        }
    }
    sources
}

/// One screen a row: what it shows, since when, and from what; superseded sources apart.
fn screen(origins: &[Origin], cell: Option<&str>, all: bool) -> String {
    let mut out = String::new();
    let starts: Vec<usize> = (0..origins.len()).filter(|i| origins[*i].depth == 0).collect();
    for (nth, start) in starts.iter().enumerate() {
        let end = starts.get(nth + 1).copied().unwrap_or(origins.len());
        let (row, below) = (&origins[*start], &origins[start + 1..end]);
        head(&mut out, row, cell, nth > 0);
        let mut sources = sources(below);
        if cell.is_some() {
            let holds = |source: &Source<'_>| !source.columns.is_empty();
            let count = sources.iter().filter(|s| holds(s)).count();
            if count == 0 && !sources.is_empty() {
                out.push_str("  no source holds this value as it stands: it was worked out from\n");
            } else if count < sources.len() {
                let others = sources.len() - count;
                sources.retain(holds);
                let _ = writeln!(out, "  {others} other sources of the row do not hold this value");
            }
        }
        let (current, older): (Vec<_>, Vec<_>) = sources.into_iter().partition(|source| source.is_current);
        list(&mut out, &current, if all { usize::MAX } else { CURRENT });
        if !older.is_empty() {
            let _ = writeln!(out, "older, superseded since ({}):", older.len());
            list(&mut out, &older, if all { usize::MAX } else { OLDER });
        }
    }
    out
}

fn head(out: &mut String, row: &Origin, cell: Option<&str>, is_further: bool) {
    let id = row
        .id
        .map_or_else(|| "without id".to_owned(), |id| id.to_string());
    let _ = write!(out, "{} {id}", row.table);
    if let Some(resource) = &row.resource {
        let version = row.version.as_deref().unwrap_or("unknown");
        let _ = write!(out, ", {resource} version {version}");
    }
    if let Some(cell) = cell {
        let value = row
            .value
            .as_deref()
            .unwrap_or("(empty)")
            .replace(char::is_control, " ");
        let _ = write!(out, ", {cell}: {value}");
    }
    let since = row.since.as_deref().unwrap_or("-");
    let confirmed = row.confirmed.as_deref().unwrap_or("-");
    let state = match (row.is_current, is_further) {
        (true, _) => format!("shown since {since}, confirmed last {confirmed}"),
        (false, true) => format!("an older row of this id: shown from {since} to after {confirmed}"),
        (false, false) => format!("not shown any more: shown from {since} to after {confirmed}"),
    };
    let number = |nr: Option<i32>| nr.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let (first, last) = (number(row.input_processing_nr), number(row.last_processing_nr));
    let _ = writeln!(out, "\n  {state} (imports {first} and {last})");
}

fn list(out: &mut String, sources: &[Source<'_>], most: usize) {
    for source in sources.iter().take(most) {
        out.push_str(&source.text());
    }
    if sources.len() > most {
        let _ = writeln!(out, "  and {} more (--all)", sources.len() - most);
    }
}

/// Prints a table or an interface view as it was at a moment, as CSV with a header.
pub(crate) async fn as_of(hub: &Hub, tables: &HubTables, moment: &str, name: &str) -> Result<()> {
    let model = Model::new(tables);
    let shown = Interface::named(&model, name).ok_or_else(|| {
        let text = format!("no table or view {name} whose past is kept");
        Error::new(ErrorKind::NotFound, text)
    })?;
    output::bytes(&hub.as_of(&shown, moment).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(
        depth: usize,
        table: &str,
        id: i32,
        version: Option<&str>,
        is_current: bool,
        holds: &[&str],
    ) -> Origin {
        Origin {
            depth,
            table: table.to_owned(),
            key: id + 1000,
            id: Some(id),
            resource: version.map(|_| "Encounter/e1".to_owned()),
            version: version.map(str::to_owned),
            since: Some(format!("2026-01-0{} 08:00:00", version.unwrap_or("5"))),
            confirmed: Some("2026-01-09 08:00:00".to_owned()),
            is_current,
            holds: holds.iter().map(|h| (*h).to_owned()).collect(),
            ..Origin::default()
        }
    }

    #[test]
    fn a_raw_row_is_named_once_and_what_is_superseded_stands_apart() {
        let mut row = origin(0, "fall_fe", 7, None, true, &["fall_id"]);
        row.value = Some("4711".to_owned());
        let origins = [
            row,
            origin(1, "encounter", 3, Some("2"), true, &["enc_id"]),
            origin(2, "encounter_raw", 30, Some("2"), true, &["enc_id"]),
            origin(1, "encounter", 4, Some("2"), true, &[]),
            origin(2, "encounter_raw", 30, Some("2"), true, &[]),
            origin(1, "encounter", 1, Some("1"), false, &["enc_id"]),
            origin(2, "encounter_raw", 10, Some("1"), false, &["enc_id"]),
            origin(1, "pids_per_ward", 5, None, true, &[]),
        ];
        let text = screen(&origins, None, false);
        assert_eq!(text.matches("encounter_raw 30").count(), 1, "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "fall_fe 7");
        assert!(lines[1].contains("shown since 2026-01-05 08:00:00"), "{text}");
        assert_eq!(
            lines[2],
            "  Encounter/e1 version 2   downloaded 2026-01-02 08:00:00   typed 2026-01-02 08:00:00   encounter 3,4   \
             encounter_raw 30   in enc_id"
        );
        let older = lines
            .iter()
            .position(|l| l.starts_with("older"))
            .expect("older sources");
        assert!(
            lines[older + 1].contains("version 1") && lines.len() == older + 2,
            "{text}"
        );
        let cell = screen(&origins, Some("fall_id"), false);
        assert!(cell.starts_with("fall_fe 7, fall_id: 4711\n"), "{cell}");
        assert!(
            !cell.contains("pids_per_ward") && cell.contains("1 other sources"),
            "{cell}"
        );
        assert!(!text.contains("100"), "no internal key: {text}");
    }
}
