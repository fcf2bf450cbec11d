//! What the targets for pages share: descriptions and a readable form of what was cracked.

use std::sync::{Arc, LazyLock};

use fhir_crack::{Batch, Cracked, Error, Notation, Options, Plan, crack_with};
use table_description::{Column, Description, ElementPath, FhirType, MeltMode, Origin, TableDescription};

const PATHS: &[&str] = &[
    "id",
    "name/given",
    "name/family",
    "name",
    "active",
    "extension",
    "extension/valueString",
    "contained/Patient/id",
    "birthDate",
    "birthDate/extension",
    "extension/extension/valueCode",
    "a/b/c",
    "outcome/text",
];

fn plan(prefix: &str) -> Arc<Plan> {
    let columns = PATHS.iter().map(|path| {
        let path = ElementPath::new(format!("{prefix}{path}"));
        Column::new(path.as_str(), Origin::Element(path.clone()), FhirType::String)
    });
    let table = TableDescription {
        name: "patient".to_owned(),
        resource: Some("Patient".to_owned()),
        prefix: String::new(),
        columns: columns.collect(),
        melt: MeltMode::default(),
    };
    Arc::new(
        Plan::new(&Description {
            tables: vec![Arc::new(table)],
        })
        .expect("the paths can be followed"),
    )
}

/// Followed while the bytes are read.
pub static WALKED: LazyLock<Arc<Plan>> = LazyLock::new(|| plan(""));
/// The same paths, looked up in a tree.
pub static SEARCHED: LazyLock<Arc<Plan>> = LazyLock::new(|| plan("./"));

/// All cells as text.
pub fn cells(batches: &[Batch]) -> Vec<Vec<Option<Vec<u8>>>> {
    let notation = Notation::default();
    let cell = |batch: &Batch, row, column| {
        let mut out = Vec::new();
        batch.write_cell(row, column, &notation, &mut out).then_some(out)
    };
    batches
        .iter()
        .flat_map(|batch| {
            (0..batch.rows()).map(move |row| (0..PATHS.len()).map(|c| cell(batch, row, c)).collect())
        })
        .collect()
}

/// Cracks a page both ways and checks that they agree and that every resource is accounted for.
pub fn check(page: &[u8]) -> Result<Cracked, Error> {
    let walked = crack_with(page, &WALKED, Options::default())?;
    let summary = &walked.summary;
    let table = &summary.tables[0];
    assert_eq!(table.resources, table.rows + table.no_value + table.duplicates);
    assert_eq!(table.rows, walked.batches[0].rows() as u64);
    let left = summary.no_resource + summary.no_type + summary.outcomes + summary.other_type();
    assert_eq!(summary.entries, table.resources + left);
    // A tree is read more strictly: it looks at what the walk passes over.
    if let Ok(searched) = crack_with(page, &SEARCHED, Options::default()) {
        assert_eq!(cells(&walked.batches), cells(&searched.batches));
    }
    Ok(walked)
}
