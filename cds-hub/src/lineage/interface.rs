//! What readers of the hub see of a table: all rows, those of the newest delivery, or those of the newest versions.

use crate::schema::identifier::literal;
use crate::schema::{Model, StoredTable, contract_view, identifier, version_order};

/// A table of the contract or one of the views of it.
#[derive(Clone, Copy, Debug)]
pub struct Interface<'m> {
    table: &'m StoredTable,
    rows: Rows,
}

/// Which rows of its table a view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    All,
    LastImport,
    LastVersion,
}

impl<'m> Interface<'m> {
    /// The table or view of a name such as `fall_fe`, `v_fall_fe_last_import` or `db2frontend_out.v_fall`; `None` where
    /// there is none, or the view shows something whose past is not kept.
    #[must_use]
    pub fn named(model: &'m Model, name: &str) -> Option<Self> {
        let (schema, name) = name.rsplit_once('.').unwrap_or(("", name));
        let of = |table: &str, rows| model.table(table).map(|table| Self { table, rows });
        if let Some(whole) = of(name, Rows::All) {
            return Some(whole);
        }
        let view = name.strip_prefix("v_")?;
        if let Some(table) = view.strip_suffix("_last_import") {
            return of(table, Rows::LastImport);
        }
        if let Some(table) = view.strip_suffix("_last_version") {
            return of(table, Rows::LastVersion);
        }
        // The frontend's `v_fall` is what `fall_fe` got last; elsewhere a view of this name shows the table.
        let of_form = || of(&format!("{view}_fe"), Rows::LastImport);
        match schema {
            "db2frontend_out" => of_form().or_else(|| of(view, Rows::All)),
            _ => of(view, Rows::All).or_else(of_form),
        }
    }

    /// The table behind it.
    #[must_use]
    pub fn table(&self) -> &'m StoredTable {
        self.table
    }

    /// What it shows of the rows that the expression `rows` gives, in the order and with the columns of the view.
    pub(super) fn query(&self, rows: &str, moment: &str) -> String {
        let shown = contract_view::shown(self.table, self.table.columns.iter()).join(", ");
        let order = format!("ORDER BY t.{}", identifier(&self.table.id_column()));
        match self.rows {
            Rows::All => format!("SELECT * FROM {rows} t {order}"),
            Rows::LastImport => format!(
                "SELECT {shown} FROM {rows} t WHERE t.last_processing_nr = (
                   SELECT max(m.input_nr) FROM core.import m WHERE m.finished <= {moment} AND m.run IN (
                     SELECT i.run FROM core.import_rows r JOIN core.import i ON i.no = r.import_no
                     WHERE r.table_name = {table} AND i.finished <= {moment})) {order}",
                table = literal(&self.table.name)
            ),
            Rows::LastVersion => match version_order::newest(self.table, rows, moment) {
                Some(newest) => {
                    format!("SELECT {shown}, t.last_version_date, t.id FROM ({newest}) t {order}")
                }
                None => self.newest_of_form(rows, &shown, &order),
            },
        }
    }

    /// The rows of a form with the highest number per key.
    fn newest_of_form(&self, rows: &str, shown: &str, order: &str) -> String {
        let Some(second) = self.table.form_key() else {
            return format!("SELECT {shown} FROM {rows} t {order}");
        };
        let second = identifier(second);
        format!(
            "SELECT {shown} FROM (
               SELECT r.*, rank() OVER (PARTITION BY record_id, {second} ORDER BY last_processing_nr DESC) AS place_
               FROM {rows} r WHERE record_id IS NOT NULL AND {second} IS NOT NULL) t WHERE t.place_ = 1 {order}"
        )
    }
}
