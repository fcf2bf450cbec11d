use table_description::FhirType;

use crate::schema::{Kind, StoredTable, identifier};
use crate::transfer::{Names, meta, overwrite};

/// The statements that load one table, made once an import.
pub(crate) struct Statements {
    /// The table.
    pub(crate) table: StoredTable,
    /// Copies new rows in: key, raw id in typed tables, import, time of input, data columns, digest where there is
    /// `meta`, hash.
    pub(crate) copy: String,
    /// Fields of one copied row.
    pub(crate) fields: i16,
    /// Confirms the rows known by hash: `$1` hashes, `$2` digests, `$3` import; the positions in `$1` that are known
    /// (from 1) and their keys, and again both of those whose `meta` differs.
    pub(crate) confirm: String,
    /// Overwrites `meta`: `$1` import, `$2` keys, then the texts of each `meta` column; the keys where it differed.
    pub(crate) overwrite: Option<String>,
    /// Draws `$1` keys.
    pub(crate) draw: &'static str,
    /// Adds the keys `$1` to the queue of rows to be typed.
    pub(crate) open: Option<String>,
    /// Confirms the typed rows of raw rows: `$1` import, `$2` confirmed raw ids, `$3` those with other `meta`.
    pub(crate) carry: Option<String>,
    /// Links typed rows to further raw versions: `$1` import, `$2` raw ids, `$3` typed ids.
    pub(crate) link: Option<String>,
    /// Takes the raw rows `$1` off the queue.
    pub(crate) melted: Option<String>,
    /// Takes the raw rows `$2` of older runs into this import's: `$1` import.
    pub(crate) lift: Option<String>,
}

impl Statements {
    pub(crate) fn new(table: StoredTable) -> Self {
        let names = Names::of(&table);
        let typed = |verb: &str, arguments: &str| {
            let function = identifier(&format!("{verb}_{}", table.base())).into_owned();
            format!("SELECT core.{function}({arguments})")
        };
        let (copy, fields) = copy(&table, &names);
        Self {
            copy,
            fields,
            confirm: confirm(&table, &names),
            overwrite: table.has_meta().then(|| overwrite_given(&table)),
            draw: match table.kind {
                Kind::Raw | Kind::Typed => {
                    "SELECT array_agg(nextval('db.db_seq')::int) FROM generate_series(1, $1)"
                }
                _ => "SELECT array_agg(nextval('core.row_seq')::int) FROM generate_series(1, $1)",
            },
            open: names
                .open
                .as_ref()
                .map(|open| format!("INSERT INTO {open} (id) SELECT unnest($1::int[])")),
            carry: (table.kind == Kind::Raw).then(|| typed("carry", "$1, $2, $3")),
            link: (table.kind == Kind::Typed).then(|| typed("link", "$1, $2, $3")),
            melted: (table.kind == Kind::Typed).then(|| typed("melted", "$1")),
            lift: (table.kind == Kind::Typed).then(|| typed("lift", "$1, $2")),
            table,
        }
    }
}

fn copy(table: &StoredTable, names: &Names) -> (String, i16) {
    let mut columns = vec![names.key.clone()];
    columns.extend(names.raw.iter().map(|raw| raw.id.clone()));
    columns.extend(["import_no".to_owned(), "input_datetime".to_owned()]);
    columns.extend(table.columns.iter().map(|c| identifier(&c.name).into_owned()));
    if table.has_meta() {
        columns.push("meta_digest".to_owned());
    }
    columns.push("hash".to_owned());
    // The server allows 1,600 columns.
    let fields = i16::try_from(columns.len()).unwrap_or(i16::MAX);
    (
        format!(
            "COPY {} ({}) FROM STDIN (FORMAT binary)",
            names.core,
            columns.join(", ")
        ),
        fields,
    )
}

/// Each look-up is a subquery with OFFSET so that it is always the index that answers it, hash by hash: with fresh
/// statistics the planner may prefer to read the whole table, which grows. Companion rows are updated by their place
/// and inserted where there is none: an upsert would lock every row first, and write that to the log.
fn confirm(table: &StoredTable, names: &Names) -> String {
    let changed = if table.has_meta() {
        "k.meta_digest <> d.digest"
    } else {
        "false"
    };
    let Names { core, seen, key, .. } = names;
    format!(
        "WITH known AS MATERIALIZED (
  SELECT d.n::int AS n, t.id, t.changed, s.place, s.import_no, s.seen_again
  FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS d(hash, digest, n)
  CROSS JOIN LATERAL (
    SELECT k.{key} AS id, {changed} AS changed FROM {core} k WHERE k.hash = d.hash OFFSET 0) t
  LEFT JOIN LATERAL (
    SELECT c.ctid AS place, c.import_no, c.seen_again FROM {seen} c WHERE c.id = t.id OFFSET 0) s ON true),
confirmed_again AS (
  UPDATE {seen} SET import_no = $3::int, seen_again = true
  WHERE ctid = ANY (ARRAY(SELECT k.place FROM known k WHERE k.import_no <> $3::int OR NOT k.seen_again))),
confirmed AS (
  INSERT INTO {seen} (id, import_no) SELECT k.id, $3::int FROM known k WHERE k.place IS NULL ORDER BY k.id)
SELECT coalesce(array_agg(k.n), '{{}}'), coalesce(array_agg(k.id), '{{}}'),
       coalesce(array_agg(k.n) FILTER (WHERE k.changed), '{{}}'),
       coalesce(array_agg(k.id) FILTER (WHERE k.changed), '{{}}')
FROM known k"
    )
}

fn overwrite_given(table: &StoredTable) -> String {
    let columns: Vec<_> = meta(table).enumerate().collect();
    let arrays: Vec<String> = columns
        .iter()
        .map(|(n, _)| format!("${}::text[]", n + 3))
        .collect();
    let aliases: Vec<String> = columns.iter().map(|(n, _)| format!("c{n}")).collect();
    let values: Vec<String> = columns
        .iter()
        .map(|(n, c)| match c.fhir_type {
            FhirType::String => format!("d.c{n} AS {}", identifier(&c.name)),
            _ => format!("d.c{n}::{} AS {}", c.sql_type(), identifier(&c.name)),
        })
        .collect();
    format!(
        "WITH delivered AS (
      SELECT d.id, {} FROM unnest($2::int[], {}) AS d(id, {})),
    {}
SELECT coalesce(array_agg(c.id), '{{}}') FROM changed c",
        values.join(", "),
        arrays.join(", "),
        aliases.join(", "),
        overwrite(table, "$1::int"),
    )
}
