//! `kill -9` at random moments of scan, submit and check-in: the end is that of an undisturbed run.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::site::{Site, tree};

/// Kills a test tries; more with `JOURNAL_KILLS`.
fn kills() -> u64 {
    std::env::var("JOURNAL_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(12)
}

/// Runs the program and kills it after so many microseconds; whether it was killed.
fn run(site: &Site, words: &[&str], kill_after: Option<Duration>) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_journal"))
        .arg("--quiet")
        .arg("--config")
        .arg(site.path("config.toml"))
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    if let Some(after) = kill_after {
        std::thread::sleep(after);
        let _ = child.kill();
    }
    let done = child.wait_with_output().unwrap();
    let killed = done.status.code().is_none();
    assert!(
        killed || done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    killed
}

fn fill(site: &Site, files: u32) {
    for number in 0..files {
        let content = format!("{number}").repeat(1 + (number as usize * 37) % 3000);
        site.write(&format!("P{}/Waveforms/s/{number}.dat", number % 9), content);
    }
}

fn shared(site: &Site) {
    site.configure(
        "[journal]\njournaling_mode='full'\n[journal.source]\npath='central/journal.v2.db'\n[site_path.default]\npath='site'\n[central_path]\npath='central'\n",
    );
}

/// Objects of the store without the journals in it, whose times differ.
fn objects(central: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = tree(central);
    files.retain(|path, _| !path.ends_with(".db") && !path.contains(".db."));
    files
}

#[test]
fn a_killed_journal_ends_as_an_undisturbed_one() {
    let calm = Site::new("full");
    shared(&calm);
    fill(&calm, 400);
    for words in [
        vec!["checkout"],
        vec!["update", "--version", "1"],
        vec!["submit"],
        vec!["checkin"],
    ] {
        assert!(!run(&calm, &words, None));
    }
    let site = Site::new("full");
    shared(&site);
    fill(&site, 400);
    assert!(!run(&site, &["checkout"], None));
    let (mut killed, mut seed) = (0, 20_261_128_u64);
    let mut next = |most: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((seed >> 33) % most)
    };
    for round in 0..kills() {
        // A scan that was killed before it made the journal is followed by another.
        let words: &[&str] = match round % 3 {
            0 => &["update", "--version", "1"],
            _ if !site.path("journal.db").exists() => &["update", "--version", "1"],
            1 => &["submit"],
            _ => &["verify"],
        };
        killed += u32::from(run(&site, words, Some(next(60_000))));
    }
    assert!(killed > 0, "no kill came in time");
    for words in [vec!["update", "--version", "1"], vec!["submit"]] {
        run(&site, &words, None);
    }
    // Each attempt lives longer, so that kills come at all points and one comes to the end.
    let mut longest = 4_000;
    while run(&site, &["checkin"], Some(next(longest))) {
        longest += 2_000;
    }
    assert_eq!(site.rows(), calm.rows());
    assert_eq!(objects(&site.path("central")), objects(&calm.path("central")));
    assert!(!site.path("central/journal.v2.db.locked").exists());
    println!("journal: {killed} of {} kills came before the end", kills());
}
