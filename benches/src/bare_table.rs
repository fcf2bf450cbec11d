use std::collections::HashMap;

use cds_hub::schema::{Kind, StoredTable, identifier};
use fhir_crack::{Batch, Notation};
use fhir_melt::TypedBatch;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Executor, PgPool, Postgres};
use table_description::typing::write_sql;

use crate::Failure;

/// Pieces in which rows are sent.
const PIECE: usize = 256 * 1024;

/// Plain tables with the hub's columns, primary key and unique hash, filled by COPY in one transaction: the limit of
/// what a hub can load.
pub struct BareTables {
    connection: PoolConnection<Postgres>,
    made: HashMap<String, i64>,
    text: Vec<u8>,
    cell: Vec<u8>,
}

impl BareTables {
    /// Begins the transaction.
    pub async fn begin(pool: &PgPool) -> Result<Self, Failure> {
        let mut connection = pool.acquire().await?;
        connection.execute("CREATE SCHEMA IF NOT EXISTS bare").await?;
        connection.execute("BEGIN").await?;
        Ok(Self {
            connection,
            made: HashMap::new(),
            text: Vec::new(),
            cell: Vec::new(),
        })
    }

    /// Makes the COPY text of raw rows of one table; [`BareTables::send`] sends it.
    pub async fn prepare_raw(&mut self, batches: &[Batch]) -> Result<String, Failure> {
        self.text.clear();
        let Some(first) = batches.first() else {
            return Ok(String::new());
        };
        let table = StoredTable::new(Kind::Raw, first.table());
        let mut id = self.make(&table).await?;
        let notation = Notation::default();
        for batch in batches {
            let mut cursor = batch.cursor();
            while cursor.advance() {
                id += 1;
                self.begin_row(id);
                for column in 0..batch.table().columns.len() {
                    self.cell.clear();
                    let some = notation.write(cursor.cell(column), &mut self.cell);
                    self.push_cell(some);
                }
                self.end_row(id);
            }
        }
        self.made.insert(table.name.clone(), id);
        Ok(copy(&table))
    }

    /// The same of typed rows.
    pub async fn prepare_typed(&mut self, batch: &TypedBatch) -> Result<String, Failure> {
        self.text.clear();
        let table = StoredTable::new(Kind::Typed, batch.table());
        let mut id = self.make(&table).await?;
        for row in 0..batch.rows() {
            id += 1;
            self.begin_row(id);
            for column in 0..batch.table().columns.len() {
                self.cell.clear();
                let value = batch.value(row, column);
                if let Some(value) = &value {
                    write_sql(value, &mut self.cell);
                }
                self.push_cell(value.is_some());
            }
            self.end_row(id);
        }
        self.made.insert(table.name.clone(), id);
        Ok(copy(&table))
    }

    /// Sends what was prepared.
    pub async fn send(&mut self, copy: &str) -> Result<(), Failure> {
        if copy.is_empty() {
            return Ok(());
        }
        let mut into = self.connection.copy_in_raw(copy).await?;
        for piece in self.text.chunks(PIECE) {
            into.send(piece).await?;
        }
        into.finish().await?;
        Ok(())
    }

    /// Ends the transaction.
    pub async fn commit(mut self) -> Result<(), Failure> {
        self.connection.execute("COMMIT").await?;
        Ok(())
    }

    /// Makes the table at its first use; the last id given.
    async fn make(&mut self, table: &StoredTable) -> Result<i64, Failure> {
        if let Some(&last) = self.made.get(&table.name) {
            return Ok(last);
        }
        let columns: String = table
            .columns
            .iter()
            .map(|c| format!("{} {}, ", identifier(&c.name), c.sql_type()))
            .collect();
        let name = identifier(&table.name);
        let create = format!(
            "CREATE TABLE bare.{name} (row_id int PRIMARY KEY, import_no int, arrived timestamp, {columns}row_hash uuid);
             CREATE UNIQUE INDEX ON bare.{name} (row_hash)"
        );
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut *self.connection)
            .await?;
        self.made.insert(table.name.clone(), 0);
        Ok(0)
    }

    fn begin_row(&mut self, id: i64) {
        self.text
            .extend_from_slice(format!("{id}\t1\t2025-01-01 00:00:00").as_bytes());
    }

    /// Appends the cell that was written.
    fn push_cell(&mut self, some: bool) {
        self.text.push(b'\t');
        if !some {
            self.text.extend_from_slice(b"\\N");
            return;
        }
        for &byte in &self.cell {
            match byte {
                b'\t' => self.text.extend_from_slice(b"\\t"),
                b'\n' => self.text.extend_from_slice(b"\\n"),
                b'\r' => self.text.extend_from_slice(b"\\r"),
                b'\\' => self.text.extend_from_slice(b"\\\\"),
                _ => self.text.push(byte),
            }
        }
    }

    /// Ends a row with a hash that is as scattered as a real one.
    fn end_row(&mut self, id: i64) {
        let (high, low) = (scatter(id as u64), scatter(!(id as u64)));
        self.text
            .extend_from_slice(format!("\t{high:016x}{low:016x}\n").as_bytes());
    }
}

fn copy(table: &StoredTable) -> String {
    format!("COPY bare.{} FROM STDIN", identifier(&table.name))
}

/// The finaliser of splitmix64: different numbers become different numbers without visible order.
fn scatter(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
