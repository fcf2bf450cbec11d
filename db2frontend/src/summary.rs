//! What an exchange did, for people, for the run's directory and for the chain.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::export::{Exported, Kept};
use crate::import::Imported;

/// Most lines of one kind a summary prints; all of them are in the run's directory.
const LINES: usize = 10;

fn instance(number: Option<u32>) -> String {
    number.map_or_else(String::new, |n| format!(" ({n})"))
}

fn few(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {} {title}:", lines.len());
    for line in lines.iter().take(LINES) {
        let _ = writeln!(out, "    {line}");
    }
    if lines.len() > LINES {
        let _ = writeln!(
            out,
            "    … and {} more in the run's directory",
            lines.len() - LINES
        );
    }
}

impl Imported {
    /// Whether everything of the frontend is in the hub.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.misfits.is_empty() && self.strange == 0
    }

    /// The summary as lines of text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("import: {} records\n", self.records);
        for table in &self.tables {
            let _ = writeln!(
                out,
                "  {}: {} new, {} unchanged",
                table.table, table.new, table.seen
            );
        }
        for (n, what) in [
            (
                self.left_out,
                "rows left out: no state, or an analysis without its case",
            ),
            (self.without_rows, "records without a row in these forms"),
            (self.gone, "records deleted meanwhile"),
            (self.strange, "rows of no known form"),
        ] {
            if n > 0 {
                let _ = writeln!(out, "  {n} {what}");
            }
        }
        let lines: Vec<String> = self
            .misfits
            .iter()
            .map(|m| {
                let (record, number) = (&m.record, instance(m.instance));
                format!("{}, record {record}{number}, {}: {}", m.form, m.field, m.kind)
            })
            .collect();
        few(
            &mut out,
            "values that do not fit their field's type, left empty",
            &lines,
        );
        out
    }

    /// The summary for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let tables = self
            .tables
            .iter()
            .map(|t| json!({"table": t.table, "new": t.new, "unchanged": t.seen}));
        let misfits = self.misfits.iter().map(|m| {
            json!({"form": m.form, "record": m.record, "instance": m.instance, "field": m.field, "kind": m.kind.as_str()})
        });
        json!({
            "records": self.records, "without_rows": self.without_rows, "gone": self.gone, "left_out": self.left_out,
            "strange": self.strange, "tables": tables.collect::<Vec<_>>(), "misfits": misfits.collect::<Vec<_>>(),
        })
    }
}

impl Exported {
    /// Whether the frontend has everything of the hub.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.not_written.is_empty() && !self.without_groups
    }

    /// The summary as lines of text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::from("export:\n");
        for (form, count) in &self.forms {
            let _ = writeln!(
                out,
                "  {form}: {} rows, {} new, {} changed, {} as they were",
                count.rows, count.new, count.changed, count.unchanged
            );
        }
        for (n, what) in [
            (
                self.waiting,
                "fields edited since the last import; they wait for the next one",
            ),
            (self.moved, "rows in another repetition, since theirs was taken"),
            (self.tests_left_out, "rows of tests not shown since phase B began"),
            (self.tests_blanked, "rows of tests replaced by a notice"),
            (self.assigned, "records put into the group of their ward"),
            (
                self.recounted,
                "times the server counted less than was sent, and all was there",
            ),
        ] {
            if n > 0 {
                let _ = writeln!(out, "  {n} {what}");
            }
        }
        if !self.groups_made.is_empty() {
            let _ = writeln!(out, "  groups made: {}", self.groups_made.join(", "));
        }
        if self.without_groups {
            out.push_str("  groups were left alone: the token gives no right to data access groups\n");
        }
        let lines: Vec<String> = self
            .not_written
            .iter()
            .map(|n| {
                let field = if n.field.is_empty() {
                    String::new()
                } else {
                    format!(", {}", n.field)
                };
                format!("{}, record {}{field}: {}", n.form, n.record, n.reason)
            })
            .collect();
        few(&mut out, "rows or fields not written", &lines);
        let lines: Vec<String> = self.conflicts.iter().map(conflict_line).collect();
        few(
            &mut out,
            "fields edited in the frontend that differ in the hub",
            &lines,
        );
        out
    }

    /// The summary for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let forms = self.forms.iter().map(|(form, count)| {
            json!({"form": form, "rows": count.rows, "new": count.new, "changed": count.changed, "unchanged": count.unchanged})
        });
        let not_written = self
            .not_written
            .iter()
            .map(|n| json!({"form": n.form, "record": n.record, "field": n.field, "reason": n.reason}));
        json!({
            "forms": forms.collect::<Vec<_>>(), "waiting": self.waiting, "moved": self.moved,
            "tests_left_out": self.tests_left_out, "tests_blanked": self.tests_blanked, "assigned": self.assigned,
            "groups_made": self.groups_made, "without_groups": self.without_groups, "recounted": self.recounted,
            "not_written": not_written.collect::<Vec<_>>(),
            "conflicts": self.conflicts.iter().map(conflict_json).collect::<Vec<_>>(),
        })
    }
}

fn kept_word(kept: Kept) -> &'static str {
    match kept {
        Kept::Hub => "hub",
        Kept::Frontend => "frontend",
    }
}

fn conflict_line(conflict: &crate::export::Conflict) -> String {
    let changed = if conflict.changed {
        "also changed in the hub"
    } else {
        "not changed in the hub"
    };
    format!(
        "{}, record {}{}, {}: edited, {changed}; the {}'s value stands",
        conflict.form,
        conflict.record,
        instance(conflict.instance),
        conflict.field,
        kept_word(conflict.kept)
    )
}

fn conflict_json(conflict: &crate::export::Conflict) -> Value {
    json!({
        "form": conflict.form, "record": conflict.record, "instance": conflict.instance, "field": conflict.field,
        "changed": conflict.changed, "kept": kept_word(conflict.kept),
    })
}

/// The lines of conflicts in a summary of [`Exported::json`].
pub(crate) fn conflict_lines(summary: &Value) -> Vec<String> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let conflicts = summary.get("conflicts").and_then(Value::as_array);
    let line = |value: &Value| {
        let kept = if text(value, "kept") == "frontend" {
            Kept::Frontend
        } else {
            Kept::Hub
        };
        conflict_line(&crate::export::Conflict {
            form: text(value, "form"),
            record: text(value, "record"),
            instance: value
                .get("instance")
                .and_then(Value::as_u64)
                .and_then(|n| u32::try_from(n).ok()),
            field: text(value, "field"),
            changed: value.get("changed").and_then(Value::as_bool).unwrap_or(false),
            kept,
        })
    };
    conflicts
        .map(|all| all.iter().map(line).collect())
        .unwrap_or_default()
}
