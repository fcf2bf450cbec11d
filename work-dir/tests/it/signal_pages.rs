//! The page of a signal: distribution, reference, quantiles, units, batches, and how its final files stand.

use std::collections::HashSet;

use work_dir::checks::{CheckOptions, Checks};
use work_dir::report::{ReportOptions, write};
use work_dir::signals::write_signals;
use work_dir::{Id2Nr, Layout};

use crate::chromium::{browser, measured};
use crate::final_files::Site;
use crate::rows::{Observation, description, run};

/// A site whose second run brought haemoglobin ten times too high, in two batches and two units.
fn site() -> (Site, Layout) {
    let mut site = Site::new(9);
    let first: Vec<Observation> = (0..4).flat_map(|s| site.rows(s, 400, 60, 1.0)).collect();
    site.day(&first, HashSet::new());
    let mut wrong = site.rows(0, 120, 60, 10.0);
    for row in wrong.iter_mut().step_by(3) {
        row.unit = "g/L".to_owned();
        row.value = row.value.map(|value| value * 10.0);
    }
    let mut rest = site.rows(1, 80, 60, 1.0);
    let mut all = wrong.clone();
    all.append(&mut rest.clone());
    assert_eq!(site.day(&all, HashSet::new()).kept_back().count(), 1);
    rest.extend(wrong.split_off(60));
    let layout = run(&site.base.path().join("runs/2026-01-02_00-00-00"), &[wrong, rest]);
    let description = description();
    let mut ids = Id2Nr::open(&layout, None).unwrap();
    write_signals(&layout, &description, &mut ids).unwrap();
    let checks = Checks::open(&layout, Some(&description), CheckOptions::default()).unwrap();
    checks.whole(&[]).unwrap();
    write(&layout, Some(&description), &ReportOptions::default()).unwrap();
    (site, layout)
}

#[test]
fn the_page_of_haemoglobin_shows_what_it_is_and_why_its_files_stay() {
    let (_site, layout) = site();
    let page = layout.outputs().join("signals/Hemoglobin.html");
    let html = std::fs::read_to_string(&page).unwrap();
    for wanted in [
        "In g/dL.",
        "stays as it was",
        "the final files",
        "class=\"mark\"",
        "Quantiles",
        "run to final files",
        "Units it came in",
        "Batches",
        "href=\"../observation/batches/1.html\"",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
    assert!(layout.outputs().join("observation/batches/1.html").exists());
    let units = &html[html.find("Units it came in").unwrap()..html.find("Batches").unwrap()];
    assert_eq!(units.matches(">g/dL<").count(), 1, "{units}");
    assert_eq!(units.matches(">g/L<").count(), 1, "{units}");
    // Which share of the run is ten times the final files.
    let ratio = html.split("data-label=\"run to final files\">").nth(1).unwrap();
    let ratio: f64 = ratio.split('<').next().unwrap().parse().unwrap();
    assert!((7.0..13.0).contains(&ratio), "{ratio}");
    let index = std::fs::read_to_string(layout.index_page()).unwrap();
    assert!(index.contains("signals/Hemoglobin.html") && index.contains("stays as it was"));

    let Some(browser) = browser() else { return };
    let home = tempfile::tempdir().unwrap();
    for width in [1280, 390] {
        let found = measured(&browser, &page, width, false, home.path());
        assert!(
            found["scroll"].as_f64().unwrap() <= f64::from(width),
            "{width}: {}",
            found["scroll"]
        );
        assert_eq!(found["out"].as_array().unwrap().len(), 0, "{}", found["out"]);
        let charts = found["charts"].as_array().unwrap();
        assert_eq!(charts.len(), 2, "the run and the final files");
        assert!(
            charts
                .iter()
                .all(|chart| chart["bars"].as_array().unwrap().len() > 3)
        );
    }
    if let Some(kept) = std::env::var_os("CDS2DB_PAGES") {
        let status = std::process::Command::new("cp")
            .arg("-r")
            .arg(layout.outputs())
            .arg(kept)
            .status();
        assert!(status.unwrap().success());
    }
}
