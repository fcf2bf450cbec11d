//! The standing whole over simulated days, compared with a map that does the same slowly.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use polars::prelude::{DataFrame, IntoColumn, NamedFrom, Series};
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use table_description::Description;
use work_dir::ErrorKind;
use work_dir::whole::{Change, Kept, RUN_COLUMN, Standing, Whole};

use crate::rows::{Observation, column, description, frame};

/// Random numbers with a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }
}

pub(crate) fn observation(id: usize, patient: usize, value: f64) -> Observation {
    Observation {
        id: format!("o{id:05}"),
        patient: format!("p{patient:03}"),
        encounter: "e".to_owned(),
        code: "718-7".to_owned(),
        value: Some(value),
        unit: "g/dL".to_owned(),
        day: 19_700,
    }
}

/// What the whole should be: resource, patient, values, run.
pub(crate) type Slow = BTreeMap<String, (String, Vec<u64>, i32)>;

pub(crate) fn held(whole: &Whole, description: &Description) -> Slow {
    let table = description.table("observation").unwrap();
    let [id, patient, value] =
        ["id", "subject/reference", "valueQuantity/value"].map(|path| column(table, path));
    let mut found = Slow::new();
    for path in whole.files("observation").unwrap() {
        let rows: DataFrame = ParquetReader::new(std::fs::File::open(path).unwrap())
            .finish()
            .unwrap();
        for row in 0..rows.height() {
            let text = |name: &str| {
                rows.column(name)
                    .unwrap()
                    .str()
                    .unwrap()
                    .get(row)
                    .unwrap()
                    .to_owned()
            };
            let number = rows.column(&value).unwrap().f64().unwrap().get(row).unwrap();
            let run = rows.column(RUN_COLUMN).unwrap().i32().unwrap().get(row).unwrap();
            let entry = found
                .entry(text(&id))
                .or_insert_with(|| (text(&patient), Vec::new(), run));
            assert_eq!(
                (&entry.0, entry.2),
                (&text(&patient), run),
                "rows of a resource are of one run"
            );
            entry.1.push(number.to_bits());
            entry.1.sort_unstable();
        }
    }
    found
}

/// Rows of a run.
pub(crate) fn of_run(run: i32, rows: &[Observation]) -> DataFrame {
    let mut rows = frame(rows);
    let runs = Series::new(RUN_COLUMN.into(), vec![run; rows.height()]);
    rows.with_column(runs.into_column()).unwrap();
    rows
}

fn add(
    whole: &Whole,
    run: i32,
    rows: &[Observation],
    out: HashSet<String>,
    description: &Description,
) -> Kept {
    let table = description.table("observation").unwrap();
    let mut next = whole.begin().unwrap();
    let rows = if rows.is_empty() {
        DataFrame::empty()
    } else {
        of_run(run, rows)
    };
    next.change(table, Change { rows, out }).unwrap();
    next.hold(Standing {
        hub: 1,
        import: run,
        ..Standing::default()
    })
    .unwrap()
}

#[test]
fn after_fourteen_days_the_whole_is_what_a_slow_map_says() {
    let description = description();
    for seed in [7] {
        let base = tempfile::tempdir().unwrap();
        let whole = Whole::at(base.path());
        let mut random = Random(seed);
        let mut slow = Slow::new();
        for run in 1..=14 {
            let changed: HashSet<usize> = (0..if run == 1 { 400 } else { 20 })
                .map(|_| random.below(500))
                .collect();
            let mut rows = Vec::new();
            for id in changed {
                // A resource may move to another patient, and have several rows.
                let patient = random.below(40);
                let values: Vec<f64> = (0..=random.below(3))
                    .map(|i| (random.below(100) + 100 * i) as f64)
                    .collect();
                rows.extend(values.iter().map(|value| observation(id, patient, *value)));
                let mut bits: Vec<u64> = values.iter().map(|v| v.to_bits()).collect();
                bits.sort_unstable();
                slow.insert(format!("o{id:05}"), (format!("Patient/p{patient:03}"), bits, run));
            }
            let gone: HashSet<String> = (0..3)
                .map(|_| format!("o{:05}", 500 + random.below(500)))
                .collect();
            let gone: HashSet<String> = gone
                .into_iter()
                .chain(slow.keys().nth(random.below(slow.len())).cloned())
                .collect();
            let gone: HashSet<String> = gone
                .into_iter()
                .filter(|id| !rows.iter().any(|row| &row.id == id))
                .collect();
            slow.retain(|id, _| !gone.contains(id));
            let kept = add(&whole, run, &rows, gone, &description);
            assert_eq!(held(&whole, &description), slow, "seed {seed}, day {run}");
            assert_eq!(
                kept.rows["observation"],
                slow.values().map(|(_, v, _)| v.len()).sum::<usize>()
            );
        }
        // Made anew from its own rows, piece by piece, it is the same.
        let table = description.table("observation").unwrap();
        let pieces: Vec<DataFrame> = whole
            .files("observation")
            .unwrap()
            .iter()
            .map(|path| read(path))
            .collect();
        let mut next = whole.begin().unwrap();
        let mut anew = next.anew(table, 120_000).unwrap();
        for piece in &pieces {
            for from in (0..piece.height()).step_by(97) {
                anew.add(&piece.slice(i64::try_from(from).unwrap(), 97)).unwrap();
            }
        }
        next.put(anew).unwrap();
        next.hold(Standing {
            hub: 1,
            import: 14,
            ..Standing::default()
        })
        .unwrap();
        assert_eq!(held(&whole, &description), slow);
        assert_eq!(
            whole.files("observation").unwrap().len(),
            4,
            "as many files as the rows expected"
        );
        assert_eq!(
            whole.standing().unwrap(),
            Some(Standing {
                hub: 1,
                import: 14,
                ..Standing::default()
            })
        );
    }
}

fn read(path: &Path) -> DataFrame {
    ParquetReader::new(std::fs::File::open(path).unwrap())
        .finish()
        .unwrap()
}

/// More rows than are divided at a time lie aside meanwhile; a table that grows is divided file by file.
#[test]
fn a_table_made_anew_and_grown_has_every_row_once() {
    let description = description();
    let table = description.table("observation").unwrap();
    let base = tempfile::tempdir().unwrap();
    let whole = Whole::at(base.path());
    let mut next = whole.begin().unwrap();
    let mut anew = next.anew(table, 90_000).unwrap();
    for piece in 0..3 {
        let rows: Vec<Observation> = (0..70_000)
            .map(|i| observation(piece * 70_000 + i, i % 900, 1.0))
            .collect();
        anew.add(&of_run(1, &rows)).unwrap();
    }
    next.put(anew).unwrap();
    let kept = next.hold(Standing::default()).unwrap();
    assert_eq!(
        (
            kept.rows["observation"],
            whole.files("observation").unwrap().len()
        ),
        (210_000, 2)
    );
    let kept = add(&whole, 2, &[observation(1, 1, 2.0)], HashSet::new(), &description);
    assert_eq!(
        (
            kept.rows["observation"],
            whole.files("observation").unwrap().len()
        ),
        (210_000, 8)
    );
    let held = held(&whole, &description);
    assert_eq!(held.len(), 210_000);
    assert_eq!(held["o00001"].2, 2);
}

/// Only one process makes a state at a time.
#[test]
fn a_second_writer_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let whole = Whole::at(base.path());
    let first = whole.begin().unwrap();
    assert_eq!(whole.begin().unwrap_err().kind(), ErrorKind::InUse);
    drop(first);
    assert!(whole.begin().is_ok());
}

/// A day with nothing touches nothing; one with one patient leaves the files of most others as they are.
#[test]
fn files_that_a_run_does_not_touch_are_linked() {
    let description = description();
    let base = tempfile::tempdir().unwrap();
    let whole = Whole::at(base.path());
    let rows: Vec<Observation> = (0..210_000).map(|i| observation(i, i % 900, 1.0)).collect();
    add(&whole, 1, &rows, HashSet::new(), &description);
    let files = whole.files("observation").unwrap();
    assert_eq!(files.len(), 8, "some 50,000 rows a file, a power of two");
    assert_eq!(add(&whole, 2, &[], HashSet::new(), &description).rewritten, 0);
    let unknown = HashSet::from(["nobody".to_owned()]);
    assert_eq!(add(&whole, 3, &[], unknown, &description).rewritten, 0);
    let again = add(&whole, 4, &rows[..1], HashSet::new(), &description);
    assert_eq!(again.rewritten, 1);
    assert_eq!(again.rows["observation"], 210_000);
}

/// What a crash may leave at each step: the old state holds until the link is replaced, and the next run sweeps.
#[test]
fn what_a_crash_leaves_is_swept_and_the_old_state_holds() {
    let description = description();
    let base = tempfile::tempdir().unwrap();
    let whole = Whole::at(base.path());
    add(&whole, 1, &[observation(1, 1, 1.0)], HashSet::new(), &description);
    let before = held(&whole, &description);
    let half = |name: &str| {
        let path = base.path().join("whole").join(name).join("observation");
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join("0.parquet"), "half").unwrap();
    };
    half("2.part"); // killed while writing
    half("2"); // killed before the link was replaced
    std::os::unix::fs::symlink("whole/2", base.path().join("current.part")).unwrap();
    assert_eq!(held(&whole, &description), before);
    add(&whole, 2, &[observation(2, 1, 2.0)], HashSet::new(), &description);
    assert_eq!(held(&whole, &description).len(), 2);
    let left: HashMap<String, ()> = names(&base.path().join("whole"));
    // The state before stays for readers who have it open.
    assert!(
        left.len() == 2 && left.contains_key("1") && left.contains_key("2"),
        "{left:?}"
    );
}

fn names(path: &Path) -> HashMap<String, ()> {
    let entries = std::fs::read_dir(path).unwrap();
    entries
        .map(|entry| (entry.unwrap().file_name().into_string().unwrap(), ()))
        .collect()
}
