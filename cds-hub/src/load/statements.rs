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
    /// Looks for the rows with the hashes `$1`; hashes, keys and digests of the known ones.
    pub(crate) known: String,
    /// Notes which rows were confirmed: `$1` import, `$2` their keys as text of a multirange.
    pub(crate) mark: String,
    /// Overwrites `meta`: `$1` import, `$2` keys, then the texts of each `meta` column; the keys where it differed.
    pub(crate) overwrite: Option<String>,
    /// Draws `$1` keys.
    pub(crate) draw: &'static str,
    /// Adds the keys `$1` to the queue of rows to be typed.
    pub(crate) open: Option<String>,
    /// Confirms the typed rows of raw rows: `$1` import, `$2` confirmed raw ids as text of a
    /// multirange, `$3` those with other `meta`.
    pub(crate) carry: Option<String>,
    /// Links typed rows to further raw versions: `$1` import, `$2` raw ids, `$3` typed ids.
    pub(crate) link: Option<String>,
    /// Takes the raw rows `$1` off the queue.
    pub(crate) melted: Option<String>,
    /// Takes the raw rows `$2` of older runs into this import's: `$1` import.
    pub(crate) lift: Option<String>,
}

impl Statements {
    /// Whether rows are asked for by their keys later: typed rows are linked by them, and name their raw row.
    pub(super) fn keeps_keys(&self) -> bool {
        matches!(self.table.kind, Kind::Raw | Kind::Typed)
    }

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
            known: known(&table, &names),
            mark: format!(
                "SELECT {}($1, $2::text::int4multirange, true)",
                names.function("mark")
            ),
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
            carry: (table.kind == Kind::Raw).then(|| typed("carry", "$1, $2::text::int4multirange, $3")),
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

/// What is looked for is an array of unknown length to the planner, so it is always the index that answers: with fresh
/// statistics the planner may prefer to read the whole table, which grows.
fn known(table: &StoredTable, names: &Names) -> String {
    let digest = if table.has_meta() {
        "k.meta_digest"
    } else {
        "0::bigint"
    };
    let Names { core, key, .. } = names;
    format!(
        "SELECT coalesce(array_agg(k.hash), '{{}}'), coalesce(array_agg(k.{key}), '{{}}'),
  coalesce(array_agg({digest}), '{{}}')
FROM {core} k WHERE k.hash = ANY (ARRAY(SELECT unnest($1::uuid[])))"
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
