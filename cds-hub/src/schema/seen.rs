//! The companion of a table, `core.T_seen`: which import confirmed each row last.
//!
//! One row of it stands for 64 neighbouring keys and has a number for each: a delivery confirms neighbours, and to note
//! that for all of them costs little more than for one. The number is the import's; negative where the row took the
//! import's number without having been seen again; 0 where the row is as it came.

use super::{Kind, StoredTable, identifier};

/// Keys of one block: 2 to the power of this.
pub(crate) const BITS: u32 = 6;
/// What of a key is its place within the block, counted from 0.
pub(crate) const MASK: u32 = (1 << BITS) - 1;
/// SQL of the numbers of a block that says nothing.
pub(crate) const NOTHING: &str = "array_fill(0, ARRAY[64])";

/// The statements that make it. Narrow and updated all the time: half of every page is left free and nothing that
/// changes is indexed, so that a row's versions stay on one page. It can do without the table and the index for values
/// of any size that the server makes where a column might need them; before PostgreSQL 16 only a column added later can
/// say so.
pub(crate) fn create(table: &StoredTable) -> [String; 2] {
    let name = name(table);
    let name = identifier(&name);
    let mut changes = vec![
        format!("ADD COLUMN imports integer[] NOT NULL DEFAULT {NOTHING}"),
        "ALTER COLUMN imports SET STORAGE PLAIN".to_owned(),
    ];
    if table.kind == Kind::Raw {
        changes.extend(
            [
                "ADD COLUMN raw_already_processed integer[]",
                "ALTER COLUMN raw_already_processed SET STORAGE PLAIN",
            ]
            .map(str::to_owned),
        );
    }
    [
        format!("CREATE TABLE core.{name} (\n  block integer PRIMARY KEY\n) WITH (fillfactor = 45)"),
        format!("ALTER TABLE core.{name}\n  {}", changes.join(",\n  ")),
    ]
}

/// Its name within schema `core`, unquoted.
pub(crate) fn name(table: &StoredTable) -> String {
    format!("{}_seen", table.name)
}

/// Condition that joins the companion `s` to the row with this key.
pub(crate) fn on(s: &str, key: &str) -> String {
    format!("{s}.block = ({key} >> {BITS})")
}

/// The import that confirmed the row last, or whose number it took; NULL where there is none.
pub(crate) fn import_no(s: &str, key: &str) -> String {
    format!("nullif(abs({}), 0)", at(s, "imports", key))
}

/// Whether the row was seen again; false or NULL where it was not.
pub(crate) fn again(s: &str, key: &str) -> String {
    format!("{} > 0", at(s, "imports", key))
}

/// The contract's `raw_already_processed` of a raw row.
pub(crate) fn already_processed(s: &str, key: &str) -> String {
    format!("nullif({}, 0)", at(s, "raw_already_processed", key))
}

fn at(s: &str, column: &str, key: &str) -> String {
    format!("{s}.{column}[({key} & {MASK}) + 1]")
}

/// Query for the rows the companion says something about: `id`, `import_no`.
pub(crate) fn rows(table: &StoredTable) -> String {
    format!(
        "SELECT (b.block << {BITS}) + m.nth::integer - 1 AS id, abs(m.import_no) AS import_no\nFROM core.{} b CROSS JOIN \
         LATERAL unnest(b.imports) WITH ORDINALITY AS m(import_no, nth)\nWHERE m.import_no <> 0",
        identifier(&name(table))
    )
}

/// Fills the empty companion from a query for `id`, `import_no`, `seen_again` and, of raw rows, `raw_already_processed`.
pub(crate) fn fill(table: &StoredTable, query: &str) -> String {
    let (column, value) = if table.kind == Kind::Raw {
        (
            ", raw_already_processed",
            ",\n  CASE WHEN bool_or(r.raw_already_processed IS NOT NULL) THEN\n    \
             array_agg(coalesce(r.raw_already_processed, 0) ORDER BY n.nth) END",
        )
    } else {
        ("", "")
    };
    format!(
        "WITH given AS MATERIALIZED (\n{query})\nINSERT INTO core.{} (block, imports{column})\nSELECT b.block, \
         array_agg(CASE WHEN r.seen_again THEN r.import_no ELSE coalesce(-r.import_no, 0) END ORDER BY n.nth){value}\nFROM \
         (SELECT DISTINCT g.id >> {BITS} AS block FROM given g) b\nCROSS JOIN generate_series(0, {MASK}) AS n(nth)\nLEFT \
         JOIN given r ON r.id = (b.block << {BITS}) + n.nth\nGROUP BY b.block ORDER BY b.block",
        identifier(&name(table))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_block_has_a_number_for_every_key() {
        assert_eq!(NOTHING, format!("array_fill(0, ARRAY[{}])", MASK + 1));
    }
}
