//! `meta` values are no content: a delivery that differs only there overwrites them, and what stood before is kept.

use table_description::FhirType;

use super::names::Names;
use crate::schema::identifier::literal;
use crate::schema::{Kind, StoredColumn, StoredTable, identifier};

/// The recipe's text of a column, as an SQL expression; the twin of [`crate::load::hash`].
pub(crate) fn recipe_text(fhir_type: FhirType, column: &str) -> String {
    match fhir_type {
        FhirType::String => format!("coalesce({column}, '#NULL#')"),
        FhirType::Boolean => format!("coalesce({column}::text, 'null')"),
        FhirType::Integer | FhirType::Decimal => format!("coalesce({column}::text, '#NULL#')"),
        FhirType::Date | FhirType::DateTime => {
            format!("coalesce(to_char({column}::timestamp, 'YYYY-MM-DD HH24:MI:SS.US'), '#NULL#')")
        }
        FhirType::Time => format!("coalesce(to_char({column}, 'HH24:MI:SS.US'), '#NULL#')"),
    }
}

/// The number that tells whether `meta` values differ, without reading them: the first eight bytes of the recipe's md5
/// over the `meta` columns. `expression` gives the SQL of a column.
pub(crate) fn digest(table: &StoredTable, expression: impl Fn(&StoredColumn) -> String) -> String {
    let parts: Vec<String> = meta(table)
        .map(|c| format!("{} || '|||'", recipe_text(c.fhir_type, &expression(c))))
        .collect();
    format!(
        "('x' || left(md5({} || '#'), 16))::bit(64)::bigint",
        parts.join(" || ")
    )
}

/// The columns that are overwritten in place.
pub(crate) fn meta(table: &StoredTable) -> impl Iterator<Item = &StoredColumn> {
    table.columns.iter().filter(|c| c.meta)
}

/// The calculated columns of a typed table, which are no content either. Those of raw tables stay empty.
pub(crate) fn calculated(table: &StoredTable) -> impl Iterator<Item = &StoredColumn> {
    let typed = table.kind == Kind::Typed;
    table
        .columns
        .iter()
        .filter(move |c| typed && !c.hashed && !c.meta)
}

/// What is kept of a row before any of it is overwritten: every column that can be, as `jsonb`. `qualifier` is that of
/// the row.
pub(crate) fn before(table: &StoredTable, qualifier: &str) -> String {
    let pairs: Vec<String> = meta(table)
        .chain(calculated(table))
        .map(|c| format!("{}, {qualifier}{}", literal(&c.name), identifier(&c.name)))
        .collect();
    format!("jsonb_build_object({})", pairs.join(", "))
}

/// Common table expressions that overwrite `meta` of the rows in `delivered(id, <meta columns>)` and end in
/// `changed(id)`, the rows where something differed.
///
/// A value that is not delivered stays. `import` is the SQL of the import's number; what stood before is kept once an
/// import, and not at all for a row of this very import, which nobody has seen yet.
pub(crate) fn overwrite(table: &StoredTable, import: &str) -> String {
    let names = Names::of(table);
    let columns: Vec<(usize, &StoredColumn)> = meta(table).enumerate().collect();
    let list = |f: &dyn Fn(usize, &str) -> String, separator: &str| {
        columns
            .iter()
            .map(|(n, c)| f(*n, &identifier(&c.name)))
            .collect::<Vec<_>>()
            .join(separator)
    };
    let new = list(
        &|n, c| format!("coalesce(d.{c}, t.{c}) AS new{n}"),
        ",\n             ",
    );
    let differs = list(
        &|_, c| format!("(d.{c} IS NOT NULL AND d.{c} IS DISTINCT FROM t.{c})"),
        "\n         OR ",
    );
    let before = before(table, "t.");
    let set = list(&|n, c| format!("{c} = c.new{n}"), ", ");
    let position = |column: &StoredColumn| {
        columns
            .iter()
            .position(|(_, c)| c.name == column.name)
            .unwrap_or_default()
    };
    let digest = digest(table, |c| format!("c.new{}", position(c)));
    let Names { table, core, key, .. } = &names;
    format!(
        "changed AS MATERIALIZED (
      SELECT t.{key} AS id, t.import_no, {before} AS before,
             {new}
      FROM delivered d CROSS JOIN LATERAL (SELECT * FROM {core} c WHERE c.{key} = d.id OFFSET 0) t
      WHERE {differs}),
    kept AS (
      INSERT INTO core.overwritten (table_name, id, import_no, before)
      SELECT '{table}', c.id, {import}, c.before
      FROM changed c WHERE c.import_no <> {import}
      ON CONFLICT DO NOTHING),
    written AS (
      UPDATE {core} t SET {set},
             meta_digest = {digest}
      FROM changed c WHERE t.{key} = c.id)"
    )
}
