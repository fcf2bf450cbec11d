//! The state file of a run as an operator uses it: a row that is removed by hand is an override.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use work_dir::{Layout, Status, WorkDir};

use crate::work_place::Place;

/// Content and age of the typed rows of a run, by file.
fn files(layout: &Layout) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let files = layout.batch_files().expect("files");
    let of = |path: &Path| {
        let age = std::fs::metadata(path)
            .and_then(|m| m.modified())
            .expect("an age");
        (std::fs::read(path).expect("reads"), age)
    };
    files
        .into_iter()
        .map(|file| (format!("{}.{}", file.table, file.batch), of(&file.path)))
        .collect()
}

fn remove_line(layout: &Layout, table: &str) {
    let text = std::fs::read_to_string(layout.status()).expect("a state");
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with(&format!("{table}\t")))
        .collect();
    assert!(kept.len() + 1 == text.lines().count(), "{text}");
    std::fs::write(layout.status(), kept.join("\n") + "\n").expect("writes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_removed_by_hand_loads_its_table_again_as_the_override_does() {
    let place = Place::open().await;
    place.run(&[]);
    let layout = place.layout();
    let (before, hub) = (files(&layout), place.site.content().await);
    // The overridden twin: what the verb leaves.
    place.run(&["--override", "observation"]);
    assert_eq!(place.layout(), layout);
    let overridden = files(&layout);
    assert!(
        overridden["observation.0"].1 > before["observation.0"].1,
        "loaded again"
    );

    remove_line(&layout, "observation");
    let said = place.run(&[]);
    assert_eq!(place.layout(), layout, "the same run goes on");
    assert!(
        said.contains("observation") && said.contains("loaded again"),
        "{said}"
    );
    let by_hand = files(&layout);
    assert!(
        by_hand["observation.0"].1 > overridden["observation.0"].1,
        "loaded again"
    );
    let bytes = |files: &BTreeMap<String, (Vec<u8>, SystemTime)>| -> BTreeMap<String, Vec<u8>> {
        files
            .iter()
            .map(|(name, (bytes, _))| (name.clone(), bytes.clone()))
            .collect()
    };
    assert_eq!(bytes(&by_hand), bytes(&overridden), "the same effect");
    for (name, (_, age)) in by_hand
        .iter()
        .filter(|(name, _)| !name.starts_with("observation"))
    {
        assert_eq!(*age, before[name].1, "{name} was completed and is skipped");
    }
    assert_eq!(place.site.content().await, hub, "the hub has every row once");
    let work = WorkDir::look(layout.root()).expect("a state");
    assert!(work.units().all(|(_, _, status)| status == Status::Completed));
    // Nothing is removed: the next start is a run of its own.
    place.run(&[]);
    assert_ne!(place.layout(), layout);
}
