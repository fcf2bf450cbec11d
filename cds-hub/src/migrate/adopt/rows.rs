use super::source::Source;
use crate::migrate::catalogue::Catalogue;
use crate::migrate::plan::unique_if_possible;
use crate::schema::index::Index;
use crate::schema::recipe::{Recipe, wrapped};
use crate::schema::{Kind, Script, identifier, seen};
use crate::transfer::digest;

/// Copies the rows of one table with their ids, numbers, times and hashes.
pub(super) fn rows(script: &mut Script, source: &Source<'_>) {
    let table = source.table;
    let name = identifier(&table.name);
    let key = table.key_column();
    let key = identifier(&key);
    script.heading(format!("Rows of {}", table.name));
    if !matches!(table.kind, Kind::Raw | Kind::Typed) {
        script.push(format!(
            "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS\nSELECT nextval('core.row_seq')::integer AS row_id, o.*\nFROM \
             (SELECT * FROM {} o ORDER BY {}, o.{}) o",
            identifier(&format!("adopted_{}", table.name)),
            source.original(),
            source.arrival(),
            identifier(&table.id_column())
        ));
    }
    // Old hashes can repeat, and a million rows are quicker to index at once.
    let hash = Index::hash(table);
    script.push(format!("DROP INDEX core.{}", identifier(&hash.name)));
    let mut pairs: Vec<(String, String)> = vec![(key.to_string(), format!("o.{key}"))];
    let id = table.id_column();
    if id != key && source.has(&id) {
        pairs.push((identifier(&id).into_owned(), format!("o.{}", identifier(&id))));
    }
    if let Some(raw_id) = table.raw_id_column() {
        pairs.push((
            identifier(&raw_id).into_owned(),
            format!("o.{}", identifier(&raw_id)),
        ));
    }
    pairs.push(("import_no".into(), "a.no".into()));
    let input = source.technical("input_datetime", "NULL::timestamp");
    pairs.push((
        "input_datetime".into(),
        format!("coalesce({input}, {})", source.checked()),
    ));
    pairs.extend(
        source
            .kept()
            .map(|c| (identifier(c).into_owned(), format!("o.{}", identifier(c)))),
    );
    if table.has_meta() {
        pairs.push(("meta_digest".into(), "0".into()));
    }
    let stored = source.technical("hash_index_col", "NULL::text");
    pairs.push(("hash".into(), format!("coalesce({stored}, md5(''))::uuid")));
    let (columns, values): (Vec<String>, Vec<String>) = pairs.into_iter().unzip();
    script.push(format!(
        "INSERT INTO core.{name} (\n{})\nSELECT\n{}\nFROM {} o\nJOIN adopted_arrival a ON a.arrival = {}\nORDER BY o.{key}",
        wrapped(&columns, "  "),
        wrapped(&values, "  "),
        source.rows(),
        source.arrival()
    ));
    // The original's recipe is frozen at its first installation: where columns came later, its hashes are not ours.
    let recipe = Recipe::of(table).expression("");
    script.push(format!(
        "WITH fresh AS (SELECT {key} AS id, {recipe}::uuid AS hash FROM core.{name}),\nchanged AS (\n  UPDATE core.{name} \
         t SET hash = f.hash\n  FROM fresh f WHERE f.id = t.{key} AND f.hash <> t.hash\n  RETURNING 1)\nINSERT INTO \
         adopted_note SELECT 'hashes of {} that were of an older recipe', count(*) FROM changed",
        table.name
    ));
    if table.has_meta() {
        let digest = digest(table, |c| identifier(&c.name).into_owned());
        script.push(format!("UPDATE core.{name} SET meta_digest = {digest}"));
    }
    script.push(unique_if_possible(&hash));
}

/// Copies the rows that wait in the original's inboxes, errors and all: they are due like others.
pub(super) fn waiting(script: &mut Script, source: &Source<'_>, catalogue: &Catalogue) {
    let table = source.table;
    for schema in table.inboxes() {
        let Some(found) = catalogue.table(schema, &table.name) else {
            continue;
        };
        let mut columns: Vec<String> = vec![table.id_column()];
        columns.extend(table.raw_id_column());
        columns.push("input_datetime".to_owned());
        columns.extend(table.columns.iter().map(|c| c.name.clone()));
        columns.retain(|c| found.iter().any(|(name, _)| name == c));
        let list: Vec<String> = columns.iter().map(|c| identifier(c).into_owned()).collect();
        let (name, list) = (identifier(&table.name), wrapped(&list, "  "));
        script.push(format!(
            "INSERT INTO {schema}.{name} (\n{list})\nSELECT\n{list}\nFROM original_{schema}.{name}"
        ));
    }
}

/// Notes who confirmed rows last, which raw rows wait for typing, and which typed rows they share.
pub(super) fn companions(script: &mut Script, source: &Source<'_>, all: &[Source<'_>]) {
    let table = source.table;
    script.heading(format!("Companions of {}", table.name));
    let key = table.key_column();
    let key = identifier(&key);
    let processed = source.technical("raw_already_processed", "NULL::integer");
    let (value, or) = match table.kind {
        Kind::Raw => (
            format!(", {processed} AS raw_already_processed"),
            format!(" OR {processed} IS NOT NULL"),
        ),
        _ => (String::new(), String::new()),
    };
    let query = format!(
        "SELECT o.{key} AS id, coalesce(c.no, a.no) AS import_no, {status} <> 'input' AS seen_again{value}\nFROM {rows} \
         o\nJOIN adopted_arrival a ON a.arrival = {arrival}\nLEFT JOIN \
         adopted_confirmation c ON (c.last, c.checked, c.status) = ({last}, {checked}, {status})\nWHERE ({last}, \
         {checked}, {status}) IS DISTINCT FROM (a.last, a.checked, 'input'){or}",
        status = source.status(),
        rows = source.rows(),
        arrival = source.arrival(),
        last = source.last(),
        checked = source.checked(),
    );
    script.push(seen::fill(table, &query));
    script.push(noted(source));
    match table.kind {
        Kind::Raw => {
            if let Some(typed) = all
                .iter()
                .find(|s| s.table.kind == Kind::Typed && s.table.base() == table.base())
            {
                waiting_for_typing(script, source, typed);
                shared(script, source, typed);
            }
        }
        Kind::Typed | Kind::Form | Kind::Core | Kind::Submodule => {}
    }
}

/// Which rows each import brought and confirmed.
fn noted(source: &Source<'_>) -> String {
    let table = source.table;
    let (name, key) = (&table.name, table.key_column());
    format!(
        "INSERT INTO core.import_rows (import_no, table_name, new_ids, seen_ids, new_count, update_count)\nSELECT \
         import_no, '{name}', core.ranges(array_agg(id) FILTER (WHERE new)), core.ranges(array_agg(id) FILTER (WHERE \
         NOT new)),\n  count(*) FILTER (WHERE new), count(*) FILTER (WHERE NOT new)\nFROM (\n  SELECT import_no, {} AS \
         id, true AS new FROM core.{}\n  UNION ALL\n  SELECT import_no, id, false FROM ({}) c) r\nGROUP BY import_no",
        identifier(&key),
        identifier(name),
        seen::rows(table)
    )
}

/// Raw rows without typed ones, as the original's view of them has it.
fn waiting_for_typing(script: &mut Script, raw: &Source<'_>, typed: &Source<'_>) {
    let open = format!("{}_open", raw.table.name);
    let raw_id = identifier(&raw.table.id_column()).into_owned();
    script.push(format!(
        "INSERT INTO core.{} (id)\nSELECT o.{raw_id} FROM {} o\nWHERE {} IS NULL AND NOT EXISTS (SELECT FROM {} t \
         WHERE t.{raw_id} = o.{raw_id})\nORDER BY 1",
        identifier(&open),
        raw.original(),
        raw.technical("raw_already_processed", "NULL::integer"),
        typed.original()
    ));
}

/// Typed rows that a later raw row shares with the one they came with. The original does not say which, but it lets
/// both carry the same last number.
fn shared(script: &mut Script, raw: &Source<'_>, typed: &Source<'_>) {
    if !raw.has("raw_already_processed") {
        return;
    }
    let link = format!("{}_link", typed.table.name);
    let raw_id = identifier(&raw.table.id_column()).into_owned();
    let id = identifier(&typed.table.id_column()).into_owned();
    script.push(format!(
        "INSERT INTO core.{} (raw_id, typed_id, import_no)\nSELECT o.{raw_id}, t.{id}, w.import_no\nFROM {} o\nJOIN {} \
         t ON t.{raw_id} = o.raw_already_processed AND t.last_processing_nr = o.last_processing_nr\nJOIN core.{} w ON \
         w.{raw_id} = o.{raw_id}\nON CONFLICT DO NOTHING",
        identifier(&link),
        raw.original(),
        typed.original(),
        identifier(&raw.table.name)
    ));
}
