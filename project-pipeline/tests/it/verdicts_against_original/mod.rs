//! Random project files: our verdict in the original's mode against the original's.

mod files;
mod values;

use project_pipeline::check;

use crate::oracle;
use crate::random::Random;

use files::{damaged, file};

#[test]
fn verdicts_are_the_originals_on_random_files() {
    let Some(python) = oracle::python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut random = Random::new(oracle::seed());
    let mut texts = Vec::new();
    let mut paths = Vec::new();
    for number in 0..oracle::cases(400) {
        let mut text = file(&mut random);
        if number % 3 == 0 {
            text = damaged(&text, &mut random);
        }
        let path = folder.path().join(format!("{number}.yaml"));
        std::fs::write(&path, &text).expect("written");
        paths.push(path.display().to_string());
        texts.push(text);
    }
    let theirs = oracle::ask(&python, "verdicts.py", &paths);
    assert_eq!(theirs.len(), texts.len());
    let mut accepted = 0;
    let mut different = Vec::new();
    for (text, theirs) in texts.iter().zip(&theirs) {
        let good = theirs.starts_with("accept");
        accepted += usize::from(good);
        let checked = check(text);
        if checked.is_good_there() != good {
            different.push(format!("{theirs}\n{:?}\n{text}", checked.faults));
        }
    }
    println!("{} files, {accepted} accepted by both", texts.len());
    assert!(accepted * 10 > texts.len(), "too few good files: {accepted}");
    assert!(
        different.is_empty(),
        "{} of {} verdicts differ:\n{}",
        different.len(),
        texts.len(),
        different
            .iter()
            .take(12)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n--------\n")
    );
}
