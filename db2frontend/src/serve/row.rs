use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use cds_hub::Hub;
use sqlx::{AssertSqlSafe, Row as _};
use table_description::quote_identifier;

use super::sheet::Sheet;
use crate::Result;
use crate::hub::failed;

/// The newest version of a row of a form.
#[derive(Clone, Default)]
pub(super) struct FormRow {
    pub(super) record: String,
    /// Which repetition; `None` where the form does not repeat.
    pub(super) instance: Option<u32>,
    /// The value of each column of the table, in its order.
    pub(super) cells: Vec<Option<String>>,
}

impl FormRow {
    /// A cell of the hub by the column's name; blank where there is none.
    pub(super) fn get<'r>(&'r self, sheet: &Sheet, column: &str) -> &'r str {
        let cell = sheet.position(column).and_then(|at| self.cells.get(at));
        cell.and_then(Option::as_deref).unwrap_or_default()
    }

    /// The value as people see it: the code's label, the moment to the minute.
    pub(super) fn shown(&self, sheet: &Sheet, column: &str) -> String {
        let value = self.get(sheet, column);
        let codec = sheet.position(column).and_then(|at| sheet.codec(at));
        let coded = codec.and_then(|codec| codec.to_frontend(value));
        let coded = coded.as_deref().unwrap_or(value);
        let choices = sheet.form.field(column).map(|field| field.choices.as_slice());
        let choice = choices
            .unwrap_or_default()
            .iter()
            .find(|choice| choice.code == coded);
        choice.map_or_else(|| coded.to_owned(), |choice| super::layout::words(&choice.label))
    }

    /// The state of the form: 0, 1 or 2; blank where it has none.
    pub(super) fn state(&self, sheet: &Sheet) -> String {
        let column = sheet.form.complete_field();
        let value = self.get(sheet, &column);
        let codec = sheet.position(&column).and_then(|at| sheet.codec(at));
        let coded = codec
            .and_then(|codec| codec.to_frontend(value))
            .unwrap_or_default();
        match (coded.as_str(), value) {
            ("0" | "1" | "2", _) => coded,
            (_, "Incomplete") => "0".to_owned(),
            (_, "Unverified") => "1".to_owned(),
            (_, "Complete") => "2".to_owned(),
            _ => String::new(),
        }
    }

    /// What tells this content from any other of the row.
    pub(super) fn stamp(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.cells.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

/// The newest rows of a form, of one record or of all, by record and instance.
pub(super) async fn newest(hub: &Hub, sheet: &Sheet, record: Option<&str>) -> Result<Vec<FormRow>> {
    let table = &sheet.table.name;
    let view = quote_identifier(&format!("v_{table}_last_version"));
    let columns: Vec<String> = sheet
        .table
        .columns
        .iter()
        .map(|column| format!("{}::text", quote_identifier(&column.name)))
        .collect();
    let sql = format!(
        "SELECT {} FROM db2frontend_out.{view} WHERE $1::text IS NULL OR record_id = $1 ORDER BY last_processing_nr",
        columns.join(", ")
    );
    let place = format!("reading {table}");
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(record)
        .fetch_all(hub.pool())
        .await
        .map_err(|e| failed(&place, &e))?;
    let mut newest: BTreeMap<(String, Option<u32>), FormRow> = BTreeMap::new();
    for row in &rows {
        let mut cells = Vec::with_capacity(sheet.table.columns.len());
        for at in 0..sheet.table.columns.len() {
            let cell: Option<String> = row.try_get(at).map_err(|e| failed(&place, &e))?;
            cells.push(cell.filter(|text| !text.is_empty()));
        }
        let mut made = FormRow {
            cells,
            ..FormRow::default()
        };
        made.record = made.get(sheet, "record_id").to_owned();
        made.instance = made.get(sheet, "redcap_repeat_instance").parse().ok();
        if !made.record.is_empty() {
            newest.insert((made.record.clone(), made.instance), made);
        }
    }
    Ok(newest.into_values().collect())
}
