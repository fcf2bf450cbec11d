//! The raw tables of the reference chain's own test data and what its melt makes of them.

use fhir_melt::{MeltOptions, melt};

use crate::shared::{self, batch, cells, read_csv, table};

/// Paths of the columns of the description the data was made with.
fn paths(resource: &str) -> Option<Vec<(String, String)>> {
    let path = shared::path("description/csv")?;
    let mut files: Vec<_> = std::fs::read_dir(path)
        .expect("directory")
        .flatten()
        .map(|f| f.path())
        .collect();
    files.retain(|f| {
        f.file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with("Table_Description__"))
    });
    let text = std::fs::read_to_string(files.first()?).expect("description");
    let mut columns = Vec::new();
    let mut current = String::new();
    for record in read_csv(&text, "") {
        let cell = |at: usize| record.get(at).cloned().flatten().unwrap_or_default();
        if !cell(0).is_empty() {
            current = cell(0).to_lowercase();
        }
        if current == resource && !cell(2).is_empty() {
            columns.push((cell(1), cell(2)));
        }
    }
    Some(columns)
}

#[test]
fn raw_tables_melt_as_in_the_reference_in_order() {
    let Some(directory) = shared::path("golden-melt") else {
        return;
    };
    let resources = [
        ("condition", 191, 191),
        ("encounter", 95, 275),
        ("medication", 96, 191),
        ("medicationadministration", 137, 137),
        ("medicationstatement", 2729, 2729),
        ("observation", 5001, 10002),
        ("patient", 45, 45),
        ("procedure", 35, 35),
    ];
    for (resource, raw_rows, melted_rows) in resources {
        let Some(columns) = paths(resource) else { return };
        let read = |kind: &str| {
            let file = directory.join(format!("{resource}_{kind}.csv"));
            read_csv(&std::fs::read_to_string(file).expect("golden"), "\\N")
        };
        let (mut raw, mut expected) = (read("raw"), read("melted"));
        let names: Vec<String> = raw.remove(0).into_iter().flatten().collect();
        expected.remove(0);
        let paths: Vec<&str> = names
            .iter()
            .map(|name| {
                &*columns
                    .iter()
                    .find(|(known, _)| known == name)
                    .expect("a known column")
                    .1
            })
            .collect();
        let batch = batch(&table(&paths, &["name/given"]), &raw);
        let melted = cells(&melt(&batch, &MeltOptions::default()));
        assert_eq!((raw.len(), expected.len()), (raw_rows, melted_rows), "{resource}");
        assert_eq!(melted.len(), expected.len(), "{resource}");
        for (row, (ours, theirs)) in melted.iter().zip(&expected).enumerate() {
            assert_eq!(ours, theirs, "{resource} row {row}");
        }
    }
}
