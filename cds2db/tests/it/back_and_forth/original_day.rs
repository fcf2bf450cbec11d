//! A hospital's day as the original leaves it in a database of its own, which then becomes a hub.

use cds_hub::Hub;
use fixtures::hospital::Hospital;
use sqlx::AssertSqlSafe;
use table_description::Description;

use crate::model::{ModelHub, Row, Writer};
use crate::original::create;

/// Rows in one statement.
const AT_ONCE: usize = 200;

/// Fills the original's tables with what the model says of the day and takes the database over; the description that it keeps.
pub(super) async fn original_day(hub: &Hub, hospital: &Hospital, model: &mut ModelHub) -> Description {
    let mut connection = hub.pool().acquire().await.expect("a connection");
    create(&mut connection).await;
    drop(connection);
    let tables = hub.tables_to_keep().await.expect("the site's tables");
    let description = tables.fhir.clone();
    model.writer = Writer::Other;
    model.day(hospital, &description, false);
    let mut id = 0;
    for table in &description.tables {
        let (mut raw, mut typed) = (Vec::new(), Vec::new());
        let mut known: Vec<&Row> = Vec::new();
        for arrived in model.arrived.iter().filter(|a| a.table == table.name) {
            id += 1;
            let raw_id = id;
            raw.push(line(&format!("{raw_id}"), "5, 6", &arrived.raw));
            for row in model.typed_of(arrived) {
                if !known.contains(&row) {
                    known.push(row);
                    id += 1;
                    typed.push(line(&format!("{id}, {raw_id}"), "6, 6", row));
                }
            }
        }
        let name = &table.name;
        let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        for (head, rows) in [
            (format!("{name}_raw ({name}_raw_id"), raw),
            (format!("{name} ({name}_id, {name}_raw_id"), typed),
        ] {
            for rows in rows.chunks(AT_ONCE) {
                let sql = format!(
                    "INSERT INTO db_log.{head}, last_check_datetime, input_processing_nr, last_processing_nr, {}) VALUES {}",
                    columns.join(", "),
                    rows.join(",\n")
                );
                let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(hub.pool()).await;
                done.unwrap_or_else(|e| panic!("{head}: {e}"));
            }
        }
    }
    let sql = format!("SELECT setval('db.db_seq', {})", id + 1);
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(hub.pool()).await;
    done.expect("the sequence");
    let plan = hub.migrate(&tables, true).await.expect("migrates");
    assert!(plan.is_applied(), "{plan}");
    description
}

fn line(ids: &str, numbers: &str, row: &Row) -> String {
    let cells = row.iter().map(|cell| match cell {
        Some(text) => format!("'{}'", text.replace('\'', "''")),
        None => "NULL".to_owned(),
    });
    let cells: Vec<String> = cells.collect();
    format!("({ids}, now(), {numbers}, {})", cells.join(", "))
}
