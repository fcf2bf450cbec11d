//! Scans, submissions, verification and restoring over a folder as store.

use std::fs;

use file_journal::progress::Silent;
use file_journal::{Difference, RestoreOptions, VerifyOptions, restore, verify};

use crate::site::{Site, tree};

#[test]
fn an_unchanged_site_stays_unchanged_in_every_mode() {
    for mode in ["full", "append", "snapshot"] {
        let site = Site::new(mode);
        for number in 0..300 {
            site.write(&format!("OMOP/part{number}/t.csv"), format!("x{number}"));
        }
        assert_eq!(site.scan("1").modalities[0].added, 300);
        for version in ["2", "3"] {
            assert!(!site.scan(version).changed(), "{mode}");
        }
        assert_eq!(site.rows().len(), 300);
    }
}

#[test]
fn a_folder_that_is_not_mounted_deletes_nothing() {
    let site = Site::new("full");
    for number in 0..100 {
        site.write(&format!("OMOP/{number}.csv"), number.to_string());
    }
    site.scan("1");
    let before = site.rows();
    fs::rename(site.path("site/OMOP"), site.path("elsewhere")).unwrap();
    assert!(matches!(
        site.try_scan("2", false),
        Err(file_journal::Error::TooManyGone { gone: 100, .. })
    ));
    fs::rename(site.path("site"), site.path("gone")).unwrap();
    assert!(matches!(
        site.try_scan("2", true),
        Err(file_journal::Error::File { .. })
    ));
    assert_eq!(site.rows(), before);
    fs::create_dir_all(site.path("site")).unwrap();
    assert_eq!(site.scan("2").modalities[0].deleted, 100, "said to be meant");
}

#[cfg(unix)]
#[test]
fn odd_names_links_and_special_files_are_safe_and_said() {
    use std::os::unix::ffi::OsStrExt as _;
    let site = Site::new("full");
    for name in [
        "it's.csv",
        "a b.csv",
        "näh;--.csv",
        "new\nline.csv",
        "per%cent?.csv",
        "$(id).csv",
    ] {
        site.write(&format!("OMOP/{name}"), name);
    }
    let odd = std::ffi::OsStr::from_bytes(b"OMOP/\xff.csv");
    fs::write(site.path("site").join(odd), "x").unwrap();
    std::os::unix::fs::symlink(site.path("nowhere"), site.path("site/OMOP/dead.csv")).unwrap();
    std::os::unix::fs::symlink(site.path("site"), site.path("site/OMOP/round")).unwrap();
    fs::write(site.path("real.csv"), "linked").unwrap();
    std::os::unix::fs::symlink(site.path("real.csv"), site.path("site/OMOP/link.csv")).unwrap();
    let report = site.scan("1");
    assert_eq!(report.modalities[0].added, 7, "{report:?}");
    assert_eq!(report.unread.len(), 3, "{:?}", report.unread);
    assert_eq!(report.links, ["OMOP/link.csv"]);
    assert!(!report.is_whole());
    assert!(site.submit().is_complete());
    assert_eq!(
        fs::read(site.path("central/1/OMOP/it's.csv")).unwrap(),
        b"it's.csv"
    );
    assert!(!site.scan("2").changed());
}

#[test]
fn what_changes_after_the_scan_waits_for_the_next() {
    let site = Site::new("full");
    site.write("OMOP/a.csv", "one");
    site.write("OMOP/b.csv", "two");
    site.scan("1");
    site.write("OMOP/a.csv", "longer than before");
    let report = site.submit();
    assert_eq!((report.sent, report.skipped.len(), report.waiting), (1, 1, 1));
    assert!(!site.path("central/1/OMOP/a.csv").exists());
    site.scan("2");
    assert!(site.submit().is_complete());
    assert_eq!(
        fs::read(site.path("central/2/OMOP/a.csv")).unwrap(),
        b"longer than before"
    );
    assert!(
        !site.path("central/2/OMOP/b.csv").exists(),
        "nothing is sent twice"
    );
}

#[test]
fn a_flipped_byte_is_named_and_nothing_is_certified() {
    let site = Site::new("full");
    site.write("OMOP/a.csv", vec![b'a'; 4096]);
    site.write("OMOP/b.csv", "b");
    site.write("OMOP/c.csv", "c");
    site.scan("1");
    site.submit();
    let look = |deep| {
        let options = VerifyOptions {
            deep,
            ..VerifyOptions::default()
        };
        verify(&site.config(), &site.journal(), &options, &Silent).unwrap()
    };
    let fine = look(true);
    assert_eq!((fine.proven, fine.wrong.len()), (3, 0));
    let mut bytes = fs::read(site.path("central/1/OMOP/a.csv")).unwrap();
    bytes[1000] ^= 1;
    fs::write(site.path("central/1/OMOP/a.csv"), bytes).unwrap();
    fs::remove_file(site.path("central/1/OMOP/b.csv")).unwrap();
    fs::remove_file(site.path("central/.digests/1/OMOP/c.csv.md5")).unwrap();
    let shallow = look(false);
    assert_eq!(
        (shallow.by_digest, shallow.by_size_only),
        (1, 1),
        "a digest is never made up"
    );
    let deep = look(true);
    let wrong: Vec<_> = deep
        .wrong
        .iter()
        .map(|wrong| (wrong.path.as_str(), wrong.what))
        .collect();
    assert_eq!(
        wrong,
        [
            ("1/OMOP/a.csv", Difference::Content),
            ("1/OMOP/b.csv", Difference::Missing)
        ]
    );
    assert_eq!(deep.proven, 1);
}

#[test]
fn any_past_version_comes_back() {
    let site = Site::new("full");
    let mut states = Vec::new();
    for (version, change) in [("1", 0), ("2", 1), ("3", 2), ("4", 3)] {
        site.write("OMOP/always.csv", "same");
        site.write("OMOP/changes.csv", format!("version {version}"));
        if change == 1 {
            site.write("7/Images/s/r/a.dcm", "image");
        }
        if change == 2 {
            fs::rename(
                site.path("site/7/Images/s/r/a.dcm"),
                site.path("site/7/Images/s/r/b.dcm"),
            )
            .unwrap();
        }
        if change == 3 {
            site.remove("OMOP/always.csv");
        }
        site.scan(version);
        site.submit();
        states.push((version, tree(&site.path("site"))));
    }
    for (version, files) in states {
        let to = site.path(&format!("restored{version}"));
        let options = RestoreOptions {
            version: version.to_owned(),
            ..RestoreOptions::default()
        };
        let report = restore(&site.config(), &site.journal(), &options, &to, &Silent).unwrap();
        assert!(report.missing.is_empty(), "{report:?}");
        let restored: std::collections::BTreeMap<String, Vec<u8>> = tree(&to)
            .into_iter()
            .map(|(path, bytes)| (path.split_once('/').unwrap().1.to_owned(), bytes))
            .collect();
        assert_eq!(restored, files, "version {version}");
    }
    // Again: nothing is written over.
    let options = RestoreOptions {
        version: "4".to_owned(),
        ..RestoreOptions::default()
    };
    let again = restore(
        &site.config(),
        &site.journal(),
        &options,
        &site.path("restored4"),
        &Silent,
    )
    .unwrap();
    assert_eq!(again.restored, 0);
}

#[test]
fn append_mode_keeps_what_is_gone_until_it_is_said() {
    let site = Site::new("append");
    site.write("OMOP/a.csv", "a");
    site.write("OMOP/b.csv", "b");
    site.scan("1");
    site.remove("OMOP/a.csv");
    assert!(!site.scan("2").changed());
    let mut journal = site.journal();
    let unknown = journal
        .mark_deleted(
            None,
            &["OMOP/a.csv".to_owned(), "OMOP/x.csv".to_owned()],
            i64::MAX - 1,
        )
        .unwrap();
    assert_eq!(unknown, ["OMOP/x.csv"]);
    assert_eq!(journal.active("OMOP").unwrap().len(), 1);
}

#[test]
fn added_then_deleted_before_it_was_sent() {
    let site = Site::new("full");
    site.write("OMOP/a.csv", "a");
    site.write("OMOP/b.csv", "b");
    site.scan("1");
    site.remove("OMOP/a.csv");
    site.scan("2");
    let report = site.submit();
    assert!(report.is_complete() && report.sent == 1, "{report:?}");
    assert!(
        site.path("central/1/journal.db").exists(),
        "the folder explains itself"
    );
}

#[test]
fn content_with_its_old_time_and_size_is_found_when_asked_for() {
    let site = Site::new("full");
    site.write("OMOP/a.csv", "aaaa");
    site.touch("OMOP/a.csv", 1_700_000_000);
    site.scan("1");
    site.write("OMOP/a.csv", "bbbb");
    site.touch("OMOP/a.csv", 1_700_000_000);
    assert!(!site.scan("2").changed());
    let options = file_journal::ScanOptions {
        rehash: true,
        version: Some("2".to_owned()),
        ..Default::default()
    };
    let report = file_journal::scan(&site.config(), &mut site.journal(), &options, &Silent).unwrap();
    assert_eq!(report.modalities[0].updated, 1);
}
