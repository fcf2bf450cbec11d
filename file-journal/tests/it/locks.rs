//! Check-out and check-in of a central journal.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use file_journal::{Error, lock};

use crate::site::Site;

fn shared(site: &Site, name: &str) -> file_journal::config::Config {
    let text = format!(
        "[site_path.default]\npath='site'\n[central_path]\npath='central'\n[journal.local]\npath='{name}.db'\n[journal.source]\npath='central/journal.v2.db'\n"
    );
    let path = site.path(&format!("{name}.toml"));
    fs::write(&path, text).unwrap();
    file_journal::config::Config::read(&path).unwrap()
}

#[test]
fn of_two_check_outs_one_wins() {
    let site = Site::new("full");
    for round in 0..200 {
        let configs = [
            shared(&site, &format!("a{round}")),
            shared(&site, &format!("b{round}")),
        ];
        let won = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for config in &configs {
                let won = &won;
                scope.spawn(move || match lock::checkout(config) {
                    Ok(_) => {
                        won.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(Error::Locked { .. }) => {}
                    Err(other) => panic!("{other}"),
                });
            }
        });
        assert_eq!(won.into_inner(), 1, "round {round}");
        lock::unlock(&configs[0]).unwrap();
    }
}

#[test]
fn a_check_in_proves_that_lock_and_base_are_its_own() {
    let site = Site::new("full");
    let (one, two) = (shared(&site, "one"), shared(&site, "two"));
    assert!(matches!(lock::check(&one), Err(Error::NotCheckedOut)));
    lock::checkout(&one).unwrap();
    drop(file_journal::Journal::open(&one.journal).unwrap());
    assert!(matches!(lock::checkout(&two), Err(Error::Locked { .. })));
    lock::checkin(&one).unwrap();
    assert!(site.path("central/journal.v2.db").exists());
    assert!(!site.path("central/journal.v2.db.locked").exists());

    // Somebody frees the lock and takes it: the first holder's work is not checked in over the second's.
    lock::checkout(&one).unwrap();
    lock::unlock(&two).unwrap();
    lock::checkout(&two).unwrap();
    assert!(matches!(lock::checkin(&one), Err(Error::LockLost { .. })));
    assert!(one.journal.exists(), "the local journal stays");
    lock::checkin(&two).unwrap();

    // The central journal changed under the lock.
    lock::checkout(&one).unwrap();
    fs::write(site.path("central/journal.v2.db"), "other").unwrap();
    assert!(matches!(lock::checkin(&one), Err(Error::LockLost { .. })));
}

#[test]
fn a_local_journal_with_other_content_is_set_aside() {
    let site = Site::new("full");
    let one = shared(&site, "one");
    lock::checkout(&one).unwrap();
    drop(file_journal::Journal::open(&one.journal).unwrap());
    lock::checkin(&one).unwrap();
    fs::write(&one.journal, "work that is nowhere else").unwrap();
    lock::checkout(&one).unwrap();
    let kept = fs::read_dir(site.root())
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains(".before-")
        })
        .count();
    assert_eq!(kept, 1);
}

/// What a check-in leaves that dies between its steps: the next one ends as if nothing had happened.
#[test]
fn a_check_in_that_died_is_finished_by_the_next() {
    let site = Site::new("full");
    let one = shared(&site, "one");
    lock::checkout(&one).unwrap();
    drop(file_journal::Journal::open(&one.journal).unwrap());
    lock::checkin(&one).unwrap();
    for gone in [
        &["journal.v2.db.locked"][..],
        &["journal.v2.db.locked", "journal.v2.db.locked.owner"],
    ] {
        lock::checkout(&one).unwrap();
        for name in gone {
            fs::remove_file(site.path("central").join(name)).unwrap();
        }
        lock::checkin(&one).unwrap();
        assert!(lock::holder(&one).unwrap().is_none(), "{gone:?}");
        // Killed behind its last step: the journal is in, and nothing is left to do.
        lock::checkin(&one).unwrap();
    }
    let two = shared(&site, "two");
    assert!(matches!(lock::checkin(&two), Err(Error::NotCheckedOut)));
    fs::write(&two.journal, b"another journal").unwrap();
    assert!(matches!(lock::checkin(&two), Err(Error::NotCheckedOut)));
    fs::copy(&one.journal, &two.journal).unwrap();
    lock::checkout(&one).unwrap();
    assert!(matches!(lock::checkin(&two), Err(Error::NotCheckedOut)));
}
