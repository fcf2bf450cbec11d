use super::Rule;
use crate::schema::identifier::literal;
use crate::schema::recipe::Recipe;
use crate::schema::version_order::rows;
use crate::schema::{Kind, Model, ROLES, StoredTable, identifier, seen};

/// The statements of the rules that look at one table; each gives the number of rows that break it.
pub(super) fn of(table: &StoredTable, model: &Model, sample: u32) -> Vec<(Rule, String)> {
    let name = identifier(&table.name).into_owned();
    let key = identifier(&table.key_column()).into_owned();
    let companion = |suffix: &str| identifier(&format!("{}_{suffix}", table.name)).into_owned();
    let mut rules = vec![
        (Rule::CompanionHasRow, unmarked(table, "id", &name, &key)),
        (Rule::RowHasImport, no_import(&name)),
        (Rule::RowHasImport, unmarked(table, "import_no", "import", "no")),
        (Rule::Noted, not_noted(table)),
        (Rule::Hash, hash(table, sample)),
        (
            Rule::HashOnce,
            format!("SELECT count(*) - count(DISTINCT hash) FROM core.{name}"),
        ),
    ];
    match table.kind {
        Kind::Raw => {
            rules.push((
                Rule::CompanionHasRow,
                without(&companion("open"), "id", &name, &key),
            ));
            rules.push((
                Rule::Typed,
                format!("SELECT count(*) FROM core.{}", companion("open")),
            ));
        }
        Kind::Typed => {
            rules.push((
                Rule::CompanionHasRow,
                without(&companion("link"), "typed_id", &name, &key),
            ));
            let raw = model.of(Kind::Raw).find(|r| r.base() == table.base());
            if let (Some(raw), Some(raw_id)) = (raw, table.raw_id_column()) {
                let (raw_name, raw_key) = (
                    identifier(&raw.name).into_owned(),
                    identifier(&raw.id_column()).into_owned(),
                );
                rules.push((
                    Rule::TypedHasRaw,
                    without(&name, &identifier(&raw_id), &raw_name, &raw_key),
                ));
                rules.push((
                    Rule::CompanionHasRow,
                    without(&companion("link"), "raw_id", &raw_name, &raw_key),
                ));
                rules.push((Rule::Aligned, aligned(table, raw, &companion("link"))));
            }
        }
        Kind::Form | Kind::Core | Kind::Submodule => {}
    }
    rules
}

/// Rows of one table of the core whose column has no partner in another.
fn without(table: &str, column: &str, other: &str, key: &str) -> String {
    format!(
        "SELECT count(*) FROM core.{table} t WHERE NOT EXISTS (SELECT FROM core.{other} o WHERE o.{key} = t.{column})"
    )
}

/// Rows whose import is not there, but for those that are being loaded.
fn no_import(table: &str) -> String {
    format!(
        "{} AND {}",
        without(table, "import_no", "import", "no"),
        loaded("t")
    )
}

/// Whether a row is not one of an import that several connections load.
fn loaded(row: &str) -> String {
    format!("{row}.import_no NOT IN (SELECT p.import_no FROM core.loading p)")
}

/// Rows that their import does not name, and ids that imports name and no row has.
fn not_noted(table: &StoredTable) -> String {
    let (name, key, literal) = (identifier(&table.name), table.key_column(), literal(&table.name));
    let key = identifier(&key);
    format!(
        "SELECT (SELECT count(*) FROM core.{name} t WHERE NOT EXISTS (SELECT FROM core.import_rows r WHERE r.import_no = \
         t.import_no AND r.table_name = {literal} AND r.new_ids @> t.{key}) AND {loaded}) + greatest(0, (SELECT \
         coalesce(sum(upper(n.ids)::bigint - lower(n.ids)), 0) FROM core.import_rows r CROSS JOIN LATERAL \
         unnest(r.new_ids) AS n(ids) WHERE r.table_name = {literal}) - (SELECT count(*) FROM core.{name} t WHERE {loaded}) - (SELECT count(*) FROM core.removed d WHERE d.table_name \
         = {literal}))::bigint",
        loaded = loaded("t"),
    )
}

/// Refused rows that no inbox of their table can take, or that no import brought.
pub(super) fn refused(model: &Model) -> String {
    let pairs: Vec<String> = model
        .tables()
        .iter()
        .flat_map(|t| {
            t.inboxes()
                .iter()
                .map(|inbox| format!("({}, {})", literal(&t.name), literal(inbox)))
        })
        .collect();
    format!(
        "SELECT count(*) FROM core.quarantine q WHERE (q.table_name, q.inbox) NOT IN (VALUES {}) OR NOT EXISTS (SELECT FROM \
         core.import i WHERE i.no = q.import_no)",
        pairs.join(", ")
    )
}

/// Rights of the modules' roles to write into the core, but for cds2db's to copy rows of FHIR resources in.
pub(super) fn rights(model: &Model) -> String {
    let copied: Vec<String> = model
        .tables()
        .iter()
        .filter(|t| matches!(t.kind, Kind::Raw | Kind::Typed))
        .map(|t| literal(&t.name))
        .collect();
    format!(
        "SELECT count(*) FROM pg_class c CROSS JOIN unnest(ARRAY[{}]) AS r(name) CROSS JOIN \
         unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p(privilege) WHERE c.relnamespace = 'core'::regnamespace \
         AND c.relkind IN ('r', 'v') AND (has_table_privilege(r.name, c.oid, p.privilege) OR p.privilege IN ('INSERT', \
         'UPDATE') AND has_any_column_privilege(r.name, c.oid, p.privilege)) AND NOT (p.privilege = 'INSERT' AND r.name = \
         'cds2db_user' AND c.relname IN ({}))",
        ROLES.map(literal).join(", "),
        copied.join(", ")
    )
}

/// Marks of the companion whose row or import is missing.
fn unmarked(table: &StoredTable, column: &str, other: &str, key: &str) -> String {
    format!(
        "SELECT count(*) FROM ({}) t WHERE NOT EXISTS (SELECT FROM core.{other} o WHERE o.{key} = t.{column})",
        seen::rows(table)
    )
}

fn hash(table: &StoredTable, sample: u32) -> String {
    let name = identifier(&table.name);
    // Pages are drawn, since drawing rows reads all of them; a small table is read whole.
    format!(
        "SELECT count(*) FROM (SELECT * FROM core.{name} TABLESAMPLE SYSTEM ((SELECT least(100, 100.0 * {sample} / \
         greatest(reltuples, 1)) FROM pg_class WHERE oid = 'core.{name}'::regclass)) LIMIT {sample}) t WHERE t.hash <> \
         {}::uuid",
        Recipe::of(table).expression("t.")
    )
}

/// Raw rows of the newest number whose typed rows, their own or shared ones, all have an older one.
fn aligned(typed: &StoredTable, raw: &StoredTable, link: &str) -> String {
    let (typed_key, raw_key) = (typed.key_column(), raw.key_column());
    let (key, raw_key) = (identifier(&typed_key), identifier(&raw_key));
    let (typed_rows, raw_rows) = (rows(typed), rows(raw));
    let name = identifier(&typed.name);
    format!(
        "WITH newest AS (SELECT {raw_key} AS id, last_processing_nr AS nr FROM {raw_rows} WHERE last_processing_nr = \
         (SELECT max(last_processing_nr) FROM {raw_rows})), member AS (SELECT n.id, n.nr, t.{key} AS typed FROM newest n \
         JOIN core.{name} t ON t.{raw_key} = n.id UNION SELECT n.id, n.nr, l.typed_id FROM newest n JOIN core.{link} l ON \
         l.raw_id = n.id) SELECT count(*) FROM (SELECT m.id FROM member m JOIN {typed_rows} t ON t.{key} = m.typed \
         GROUP BY m.id HAVING max(t.last_processing_nr) < max(m.nr)) b"
    )
}
