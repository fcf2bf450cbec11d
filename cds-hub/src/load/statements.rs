use crate::schema::{Kind, StoredTable, identifier};
use crate::transfer::{Names, meta};

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
    /// Tells what became of rows: `$1` import, `$2` and `$3` keys of new and of confirmed ones as text of multiranges, `$4`
    /// and `$5` how many rows came, `$6` keys with other `meta`.
    pub(crate) tell: String,
    /// Overwrites `meta`: `$1` import, `$2` keys, then the texts of each `meta` column; the keys where it differed.
    pub(crate) overwrite: Option<String>,
    /// Draws `$1` keys.
    pub(crate) draw: &'static str,
    /// Adds the raw rows `$2` to the queue of rows to be typed: `$1` import.
    pub(crate) open: Option<String>,
    /// Links typed rows to further raw versions: `$1` import, `$2` raw ids, `$3` typed ids.
    pub(crate) link: Option<String>,
    /// Takes the raw rows `$2` off the queue, and those of older runs into this import's: `$1` import.
    pub(crate) typed: Option<String>,
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
            tell: format!(
                "SELECT {}($1, $2::text::int4multirange, $3::text::int4multirange, $4, $5, $6)",
                names.function("tell")
            ),
            overwrite: table.has_meta().then(|| overwrite_given(&table, &names)),
            draw: "SELECT array_agg(nextval('db.db_seq')::int) FROM generate_series(1, $1)",
            open: (table.kind == Kind::Raw).then(|| format!("SELECT {}($1, $2)", names.function("queue"))),
            link: (table.kind == Kind::Typed).then(|| typed("link", "$1, $2, $3")),
            typed: (table.kind == Kind::Typed).then(|| typed("typed", "$1, $2")),
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

fn overwrite_given(table: &StoredTable, names: &Names) -> String {
    let arrays: Vec<String> = meta(table)
        .enumerate()
        .map(|(n, _)| format!("${}", n + 3))
        .collect();
    format!(
        "SELECT {}($1, $2, {})",
        names.function("overwrite"),
        arrays.join(", ")
    )
}
