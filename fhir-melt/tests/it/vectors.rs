//! The 160 random cases melted by the reference.

use fhir_melt::{MeltOptions, melt};
use serde_json::Value;

use crate::shared::{self, batch, cells, table};

fn rows(value: &Value) -> Vec<Vec<Option<String>>> {
    let cell = |cell: &Value| cell.as_str().map(str::to_owned);
    let row = |row: &Value| row.as_array().expect("a row").iter().map(cell).collect();
    value.as_array().expect("rows").iter().map(row).collect()
}

#[test]
fn clean_cases_melt_as_in_the_reference() {
    let Some(path) = shared::path("vectors/melt_clean_cases.json") else {
        return;
    };
    let vectors: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("vectors")).expect("JSON");
    let cases = vectors["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 160);
    for case in cases {
        let paths: Vec<&str> = case["columns"]
            .as_array()
            .expect("columns")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let batch = batch(&table(&paths, &[]), &rows(&case["raw"]));
        let melted = melt(&batch, &MeltOptions::default());
        assert_eq!(cells(&melted), rows(&case["melted"]), "case {}", case["id"]);
    }
}
