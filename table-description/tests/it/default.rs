//! Our own descriptions against the shipped ones.

use std::{fs, path::Path};

use table_description::{
    Definition, Description, default_core, default_definition_sheets, default_description, default_frontend,
    default_submodules,
};

use crate::shared;

/// Databases of the original toolchain keep working: their columns come first in each of our tables.
#[test]
fn every_shipped_column_comes_first_in_its_table() {
    let Some(path) = shared::file("description/csv/Table_Description__table_description.csv") else {
        return;
    };
    let shipped = Description::read(path).unwrap();
    let ours = default_description();
    assert_eq!(shipped.column_count(), 1319);
    for (shipped, ours) in shipped.tables.iter().zip(&ours.tables) {
        assert_eq!(
            (&shipped.name, &shipped.resource, &shipped.prefix),
            (&ours.name, &ours.resource, &ours.prefix)
        );
        for (position, column) in shipped.columns.iter().enumerate() {
            assert_eq!(
                Some(column),
                ours.columns.get(position),
                "{} column {position}",
                shipped.name
            );
        }
    }
    assert_eq!(shipped.tables.len(), ours.tables.len());
}

#[test]
fn the_sheets_written_out_expand_to_our_description() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in default_definition_sheets() {
        fs::write(folder.path().join(format!("{name}.csv")), text).unwrap();
    }
    assert_eq!(
        Definition::read(folder.path()).unwrap().expand().unwrap(),
        default_description()
    );
}

#[test]
fn database_tables_have_the_shipped_names_and_types() {
    let files = [
        (
            "Frontend_Table_Description__frontend_table_description",
            default_frontend(),
            "_fe",
            305,
        ),
        (
            "Dataprocessor_Table_Description__table_description",
            default_core(),
            "",
            6,
        ),
        (
            "Dataprocessor_Submodules_Table_Description__table_description",
            default_submodules(),
            "",
            12,
        ),
    ];
    for (file, ours, suffix, count) in files {
        let Some(path) = shared::file(&format!("description/csv/{file}.csv")) else {
            return;
        };
        let shipped = Description::read(path).unwrap().with_suffix(suffix);
        assert_eq!(ours.column_count(), count);
        let facts = |description: &Description| -> Vec<_> {
            let tables = description.tables.iter();
            tables
                .flat_map(|t| {
                    t.columns
                        .iter()
                        .map(|c| (t.name.clone(), c.name.clone(), c.fhir_type))
                })
                .collect()
        };
        assert_eq!(facts(&ours), facts(&shipped), "{file}");
    }
}

#[test]
fn known_gaps_are_filled() {
    let ours = default_description();
    for (table, path) in [
        ("observation", "component/valueQuantity/value"),
        ("observation", "valueString"),
        ("observation", "valueBoolean"),
        ("observation", "valueInteger"),
        ("observation", "valueDateTime"),
        ("observation", "effectivePeriod/start"),
        ("observation", "interpretation/coding/code"),
        ("patient", "deceasedBoolean"),
        ("patient", "name/prefix"),
        ("patient", "name/suffix"),
        ("condition", "onsetAge/value"),
        ("condition", "evidence/code/coding/code"),
        ("encounter", "hospitalization/destination/reference"),
        ("procedure", "bodySite/coding/code"),
    ] {
        assert!(
            ours.table(table).unwrap().position_of_path(path).is_some(),
            "{table} {path}"
        );
    }
    for table in ours.resources() {
        assert!(
            table.position_of_path("identifier/period/start").is_some(),
            "{}",
            table.name
        );
    }
}

#[test]
fn given_names_and_titles_are_joined_and_nothing_else() {
    let ours = default_description();
    let joined: Vec<&str> = ours
        .tables
        .iter()
        .flat_map(|t| &t.columns)
        .filter(|c| c.joined)
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(joined, ["pat_name_given", "pat_name_prefix", "pat_name_suffix"]);
}

#[test]
fn calculated_columns_are_known_by_their_name() {
    let ours = default_description();
    let calculated: Vec<&str> = ours
        .tables
        .iter()
        .flat_map(|t| &t.columns)
        .filter(|c| c.is_calculated())
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(
        calculated,
        [
            "enc_partof_calculated_ref",
            "enc_main_encounter_calculated_ref",
            "enc_diagnosis_condition_calculated_ref",
            "con_encounter_calculated_ref",
            "medreq_encounter_calculated_ref",
            "medadm_encounter_calculated_ref",
            "medstat_encounter_calculated_ref",
            "obs_encounter_calculated_ref",
            "diagrep_encounter_calculated_ref",
            "servreq_encounter_calculated_ref",
            "proc_encounter_calculated_ref",
        ]
    );
}

/// Architecture invariant: resource types are data. Comments and tests may name some as examples.
#[test]
fn no_resource_type_is_named_in_code() {
    let ours = default_description();
    let names: Vec<&str> = ours
        .resources()
        .filter_map(|table| table.resource.as_deref())
        .collect();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for name in &names {
                    assert!(!line.contains(*name), "{}: {line}", path.display());
                }
            }
            files += 1;
        }
    }
    assert!(files > 30, "the sources were looked at");
}
