//! The manifest beside one that OpenSAFELY's runner wrote for files of the same sizes and shapes.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::shared::recorded;
use crate::workspace::Workspace;

const PROJECT: &str = r#"version: 5
actions:
  lvl:
    run: sh:v1 lvl.sh
    outputs:
      highly_sensitive:
        d: output/raw.csv
      moderately_sensitive:
        t: output/safe.csv
        p: output/patient.csv
        big: output/rows.csv
        huge: output/huge.txt
        img: output/a.png
"#;

const SCRIPT: &str = r"mkdir -p output
printf 'g,n\nf,20\n' > output/safe.csv
printf 'patient_id,n\n1,20\n' > output/patient.csv
(echo n; yes 9 | head -n 5001) > output/rows.csv
printf 'patient_id,x\n' > output/raw.csv
head -c 16777217 /dev/zero | tr '\0' x > output/huge.txt
printf 'no png\n' > output/a.png
";

#[test]
fn the_manifest_has_the_fields_of_the_recorded_one() {
    let Some(path) = recorded("runner_gold/manifest_level4.json") else {
        return;
    };
    let text = std::fs::read_to_string(path).expect("a manifest");
    let theirs: Value = serde_json::from_str(&text).expect("JSON");
    let workspace = Workspace::new(PROJECT);
    workspace.write("lvl.sh", SCRIPT);
    workspace.good(&["run", "lvl"]);
    let text = std::fs::read_to_string(workspace.path("metadata/manifest.json")).expect("a manifest");
    let ours: Value = serde_json::from_str(&text).expect("JSON");
    let names = |manifest: &Value| -> BTreeSet<String> {
        manifest["outputs"]
            .as_object()
            .expect("outputs")
            .keys()
            .cloned()
            .collect()
    };
    assert_eq!(names(&ours), names(&theirs));
    for key in theirs.as_object().expect("an object").keys() {
        assert!(ours.get(key).is_some(), "{key}");
    }
    let files = workspace.files("level3");
    let mut different = Vec::new();
    for (file, entry) in theirs["outputs"].as_object().expect("outputs") {
        let own = &ours["outputs"][file];
        for (field, value) in entry.as_object().expect("an entry") {
            let mine = own.get(field).unwrap_or_else(|| panic!("{file} has no {field}"));
            let same = match field.as_str() {
                // Made anew by every run.
                "job_id" | "job_request" => mine.as_str().is_some_and(|id| !id.is_empty()),
                "timestamp" => mine.as_f64().is_some_and(|time| time > 1e9),
                "repo" | "commit" => mine.is_null() || mine.is_string(),
                // Of the file that lies there; the recorded files are not the same bytes.
                "content_hash" => {
                    let digest = Sha256::digest(&files[file]);
                    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                    *mine == hex
                }
                // The reason is told in other words.
                "message" => mine.is_null() == value.is_null(),
                _ => mine == value,
            };
            if !same {
                different.push(format!("{file} {field}: {mine} for {value}"));
            }
        }
    }
    // We look into images: seven bytes that are none are held back.
    let wanted = ["output/a.png excluded: true for false", "output/a.png message:"];
    let unwanted: Vec<&String> = different
        .iter()
        .filter(|text| !wanted.iter().any(|w| text.starts_with(w)))
        .collect();
    assert!(unwanted.is_empty(), "{unwanted:#?}");
    assert_eq!(different.len(), wanted.len());
}
