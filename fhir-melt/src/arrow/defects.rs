use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, Field, Schema};
use fhir_crack::arrow::{Profile, Texts, words};
use table_description::Defect;

/// The schema of [`defect_batch`].
#[must_use]
pub fn defect_schema(profile: Profile) -> Schema {
    Schema::new(vec![
        Field::new("table", profile.words(), true),
        Field::new("resource_id", profile.text(), true),
        Field::new("column", profile.words(), true),
        Field::new("index", profile.words(), true),
        Field::new("kind", profile.words(), true),
    ])
}

/// Values left out or changed, as `defects.csv` lists them: where they stood and what is wrong, never the value.
///
/// # Errors
/// If Arrow refuses the columns.
pub fn defect_batch(profile: Profile, defects: &[Defect]) -> Result<RecordBatch, ArrowError> {
    let mut ids = Texts::new(profile, defects.len(), None);
    defects
        .iter()
        .for_each(|defect| ids.push(defect.resource_id.as_deref()));
    let indexes: Vec<String> = defects.iter().map(Defect::index_text).collect();
    let filled = |text: &'_ str| !text.is_empty();
    let columns: Vec<ArrayRef> = vec![
        words(
            profile,
            defects.iter().map(|defect| Some(defect.table.name.as_str())),
        ),
        ids.finish(),
        words(
            profile,
            defects
                .iter()
                .map(|d| Some(d.column_name()).filter(|name| filled(name))),
        ),
        words(
            profile,
            indexes
                .iter()
                .map(|index| Some(index.as_str()).filter(|index| filled(index))),
        ),
        words(profile, defects.iter().map(|defect| Some(defect.kind.as_str()))),
    ];
    RecordBatch::try_new(Arc::new(defect_schema(profile)), columns)
}
