use jiff::civil::DateTime;
use sqlx::{AssertSqlSafe, PgConnection};
use table_description::Column;

use super::SqlTable;
use crate::delivery::transfer;
use crate::view::{failed, literal};
use crate::{Error, ErrorKind, Result};

/// Holds the rows of a declared table until their transfer, with the id and the hash of each.
const ROWS: &str = "pg_temp.declared_rows";
const LINEAGE: &str = "from_";

/// Runs the SELECT, puts its rows into the inbox and moves them; how many, and the number of their transfer.
///
/// Part of the caller's transaction: the SELECT sees what the run has written already.
pub(crate) async fn fill(
    connection: &mut PgConnection,
    table: &SqlTable,
    now: DateTime,
) -> Result<(usize, Option<i32>)> {
    let name = table.name();
    let place = format!("filling {name}");
    let (id, columns) = (format!("{name}_id"), names(&table.description.columns));
    run(
        connection,
        &format!(
            "SELECT set_config('dataprocessor.now', {}, true)",
            literal(&now.to_string())
        ),
        &place,
    )
    .await?;
    let rows = format!(
        "CREATE TEMP TABLE declared_rows ON COMMIT DROP AS \
         SELECT nextval('db.db_seq')::int AS row_number_, NULL::text AS row_hash_, q.* FROM (\n{}\n) q",
        table.select
    );
    run(
        connection,
        &rows,
        &format!("the SELECT in {}", table.file().display()),
    )
    .await?;
    let sources = check_columns(connection, table).await?;
    let copy = format!(
        "INSERT INTO db2dataprocessor_in.{name} ({id}, {columns}) SELECT row_number_, {columns} FROM {ROWS} ORDER BY row_number_"
    );
    let count = run(connection, &copy, &place).await?;
    let hashes = format!(
        "UPDATE {ROWS} r SET row_hash_ = i.hash_index_col FROM db2dataprocessor_in.{name} i WHERE i.{id} = r.row_number_"
    );
    run(connection, &hashes, &place).await?;
    let number = transfer(connection, "SELECT db.copy_submodules_dp_in_to_db_log()").await?;
    for source in sources {
        note_sources(connection, name, &source, &place).await?;
    }
    run(connection, &format!("DROP TABLE {ROWS}"), &place).await?;
    let count = usize::try_from(count).map_err(|e| Error::new(ErrorKind::Shape, place).with_source(e))?;
    Ok((count, number))
}

/// The tables named by `from_` columns, if the SELECT returns every described column and nothing that is unknown.
async fn check_columns(connection: &mut PgConnection, table: &SqlTable) -> Result<Vec<String>> {
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 'pg_temp.declared_rows'::regclass AND attnum > 2 \
         AND NOT attisdropped ORDER BY attnum",
    )
    .fetch_all(connection)
    .await
    .map_err(|e| failed("looking at a SELECT", &e))?;
    let wrong = |text: String| Error::new(ErrorKind::SqlTable, format!("{}: {text}", table.file().display()));
    let described = &table.description.columns;
    if let Some(missing) = described.iter().find(|c| !found.contains(&c.name)) {
        return Err(wrong(format!("the SELECT returns no column {}", missing.name)));
    }
    let typed = table_description::default_description();
    let mut sources = Vec::new();
    for column in found.iter().filter(|f| !described.iter().any(|c| c.name == **f)) {
        match column.strip_prefix(LINEAGE).filter(|t| typed.table(t).is_some()) {
            Some(source) => sources.push(source.to_owned()),
            None => {
                return Err(wrong(format!(
                    "column {column} is neither described nor {LINEAGE}<table>"
                )));
            }
        }
    }
    Ok(sources)
}

/// Notes the typed rows and their raw rows. An id and an array of ids are both appended to an empty array.
async fn note_sources(connection: &mut PgConnection, name: &str, source: &str, place: &str) -> Result<()> {
    let sql = format!(
        "WITH named AS (SELECT DISTINCT r.row_hash_ AS hash, s.id FROM {ROWS} r \
           CROSS JOIN LATERAL unnest('{{}}'::int[] || r.{LINEAGE}{source}) AS s(id) WHERE s.id IS NOT NULL), \
         sources AS (SELECT hash, '{source}' AS source, id FROM named \
           UNION ALL SELECT n.hash, '{source}_raw', v.{source}_raw_id FROM named n \
           JOIN db2dataprocessor_out.v_{source} v ON v.{source}_id = n.id) \
         SELECT core.note_lineage('{name}', array_agg(hash), array_agg(source), array_agg(id)) FROM sources"
    );
    run(connection, &sql, place).await.map(|_| ())
}

/// Runs one statement; the protocol used refuses a text that holds several.
async fn run(connection: &mut PgConnection, sql: &str, place: &str) -> Result<u64> {
    let done = sqlx::query(AssertSqlSafe(sql))
        .persistent(false)
        .execute(connection)
        .await;
    done.map(|d| d.rows_affected()).map_err(|e| failed(place, &e))
}

fn names(columns: &[Column]) -> String {
    columns
        .iter()
        .map(|c| c.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
