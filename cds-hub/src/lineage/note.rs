use sqlx::PgConnection;

use crate::schema::identifier::literal;
use crate::schema::{Function, Kind, Model};
use crate::transfer::header;
use crate::{Error, Hub, Result};

/// What a row was made from: the row by its content hash, since ids may repeat.
#[derive(Clone, Copy, Debug)]
pub struct Lineage<'a> {
    /// Contract name of the table the rows are in.
    pub table: &'a str,
    /// `hash_index_col` of each row.
    pub hashes: &'a [Option<&'a str>],
    /// Contract name of the table each comes from.
    pub source_tables: &'a [Option<&'a str>],
    /// Id of the row it comes from.
    pub source_ids: &'a [Option<i32>],
}

impl Hub {
    /// Adds sources of rows to those known, as part of the caller's transaction.
    ///
    /// # Errors
    /// When the server refuses, for instance a table that holds no results.
    pub async fn note_lineage(connection: &mut PgConnection, lineage: Lineage<'_>) -> Result<()> {
        sqlx::query("SELECT core.note_lineage($1, $2, $3, $4)")
            .bind(lineage.table)
            .bind(lineage.hashes)
            .bind(lineage.source_tables)
            .bind(lineage.source_ids)
            .execute(connection)
            .await
            .map(|_| ())
            .map_err(|e| Error::sql("noting sources", &e))
    }
}

/// `core.note_lineage(table, hashes, source tables, source ids)`.
pub(super) fn function(model: &Model) -> Function {
    let names = |kinds: &[Kind]| {
        let of = model.tables().iter().filter(|t| kinds.contains(&t.kind));
        of.map(|t| literal(&t.name)).collect::<Vec<_>>().join(", ")
    };
    let body = format!(
        "BEGIN
  IF p_table IS NULL OR p_table NOT IN ({results}) THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH03', MESSAGE = 'no table of results';
  END IF;
  EXECUTE format(
    'INSERT INTO core.lineage (table_name, row_id, source_table, source_id)
     SELECT $1, c.row_id, s.source_table, s.source_id
     FROM unnest($2, $3, $4) AS s(hash, source_table, source_id) JOIN core.%I c ON c.hash = s.hash::uuid
     WHERE s.source_table IN ({sources})
     ON CONFLICT DO NOTHING', p_table)
  USING p_table, p_hashes, p_tables, p_ids;
END",
        results = names(&[Kind::Form, Kind::Core, Kind::Submodule]),
        sources = names(&[Kind::Raw, Kind::Typed]).replace('\'', "''"),
    );
    Function {
        signature: "core.note_lineage(text, text[], text[], int[])".to_owned(),
        sql: format!(
            "CREATE OR REPLACE FUNCTION core.note_lineage(p_table text, p_hashes text[], p_tables text[], p_ids int[]) RETURNS \
             void\n{}\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        roles: &["db2dataprocessor_user"],
    }
}
