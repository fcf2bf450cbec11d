use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use sql_on_fhir::suite;

use crate::{Error, ErrorKind, Result};

/// Runs the test files of a folder and writes the report.
pub(super) fn test(folder: &Path, report: &Path) -> Result<ExitCode> {
    let failed =
        |path: &Path, e: std::io::Error| Error::new(ErrorKind::File, path.display().to_string()).because(e);
    let mut results = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|e| failed(folder, e))? {
        let path = entry.map_err(|e| failed(folder, e))?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read(&path).map_err(|e| failed(&path, e))?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        match suite::run_file(&text) {
            Ok(tests) => {
                results.insert(name, tests);
            }
            Err(reason) => println!("{name}: passed over, {reason}"),
        }
    }
    let mut passed = 0;
    let mut all = 0;
    for (name, tests) in &results {
        for test in tests {
            all += 1;
            match &test.failure {
                None => passed += 1,
                Some(reason) => println!("{name}: {}: {reason}", test.name),
            }
        }
    }
    let text = format!("{:#}\n", suite::report(&results));
    std::fs::write(report, text).map_err(|e| failed(report, e))?;
    println!("{passed} of {all} tests passed; {}", report.display());
    Ok(if passed == all && all > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
