//! What changes when phase B of the study begins: rows of the test of the medication problems are no longer shown.

use cds_hub::Hub;
use sqlx::AssertSqlSafe;
use table_description::Description;

use crate::Result;
use crate::frontend::{Row, Shape, Write};
use crate::hub::failed;

/// The form whose rows may be tests.
const FORM: &str = "retrolektive_mrpbewertung";
/// The field that says so, and how it begins then.
const TEXT: &str = "ret_kurzbeschr";
const MARK: &str = "*TEST*";
/// What stands there afterwards.
const NOTICE: &str = "(Test der Phase A; nicht bewerten)";

/// Whether a case of the hub is in phase B.
pub(super) async fn has_begun(hub: &Hub, forms: &Description) -> Result<bool> {
    let is_there = forms
        .tables
        .iter()
        .any(|table| table.name == "fall_fe" && table.position("fall_studienphase").is_some());
    if !is_there {
        return Ok(false);
    }
    let sql = "SELECT EXISTS (SELECT FROM db2frontend_out.v_fall_fe WHERE fall_studienphase = 'PhaseB')";
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_one(hub.pool())
        .await
        .map_err(|e| failed("looking for phase B", &e))
}

/// Whether a row is one of a test.
pub(super) fn is_test<'c>(shape: &Shape, cell: impl Fn(usize) -> &'c str) -> bool {
    shape.form == FORM
        && shape
            .table
            .position(TEXT)
            .is_some_and(|at| cell(at).trim_start().starts_with(MARK))
}

/// The same row with a notice for its text, to be looked at again.
pub(super) fn blanked(shape: &Shape, row: &Row) -> Write {
    let text = shape.table.position(TEXT).map(|at| (at, NOTICE.to_owned()));
    let state = shape.complete.and_then(|at| {
        let text = shape.codec(at)?.to_frontend("Unverified")?;
        Some((at, text))
    });
    Write {
        record: row.record.clone(),
        instance: row.instance,
        cells: text.into_iter().chain(state).collect(),
    }
}
