//! The standing whole is what the hub's last versions are, table by table, whatever happened on the way.

use std::collections::BTreeSet;
use std::path::Path;

use cds2db::config::Deletions;
use cds2db::run::{DirectoryOptions, ExportOptions, RunDirectory, bring_up, export, rebuild};
use fixtures::hospital::Hospital;
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;
use table_description::{TableDescription, default_description};
use work_dir::whole::{RUN_COLUMN, Whole};

use crate::model::ModelHub;
use crate::same_rows::{Rows, cell, hub_columns};
use crate::site::Site;

/// How many days: another number with `CDS2DB_DAYS`.
fn days() -> u32 {
    std::env::var("CDS2DB_DAYS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(14)
}

/// How many hospitals: one by default, more with `CDS2DB_SEEDS`.
fn seeds() -> usize {
    std::env::var("CDS2DB_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1)
}

/// The rows of a table in the whole, and the run of each resource.
fn in_whole(base: &Path, table: &TableDescription) -> Rows {
    let mut rows = Rows::new();
    for path in Whole::at(base).files(&table.name).expect("files") {
        let file = std::fs::File::open(&path).expect("opens");
        let frame = ParquetReader::new(file).finish().expect("rows");
        let mut columns: Vec<_> = table
            .columns
            .iter()
            .map(|c| frame.column(&c.name).expect("a column"))
            .collect();
        columns.push(frame.column(RUN_COLUMN).expect("the run"));
        for row in 0..frame.height() {
            let cells = columns.iter().map(|c| cell(&c.get(row).expect("a cell")));
            assert!(rows.insert(cells.collect()), "{}: a row twice", table.name);
        }
    }
    rows
}

/// What readers of the hub see as last versions, without what is marked as gone, asked for in plain SQL.
pub(crate) async fn in_hub(site: &Site, table: &TableDescription) -> Rows {
    let columns: Vec<String> = table.columns.iter().map(hub_columns).collect();
    let (view, filter) = match &table.resource {
        Some(resource) => (
            format!("cds2db_out.v_{}_last_version", table.name),
            format!(
                "v.id NOT IN (SELECT fhir_id FROM core.deleted WHERE resource = '{resource}' AND returned IS NULL)"
            ),
        ),
        None => (
            format!("db2dataprocessor_out.v_{}_last_import", table.name),
            "true".to_owned(),
        ),
    };
    let sql = format!(
        "SELECT {}, (SELECT min(i.run)::text FROM core.import i WHERE i.input_nr = v.input_processing_nr) FROM {view} v WHERE \
         {filter}",
        columns.join(", ")
    );
    let rows = crate::select::select(&site.hub, &sql).await;
    rows.into_iter().collect()
}

async fn all_in_hub(site: &Site) -> Vec<(String, Rows)> {
    let mut all = Vec::new();
    for table in &default_description().tables {
        all.push((table.name.clone(), in_hub(site, table).await));
    }
    all
}

async fn assert_equal(site: &Site, base: &Path, when: &str) {
    for table in &default_description().tables {
        let (files, hub) = (in_whole(base, table), in_hub(site, table).await);
        let only = |a: &Rows, b: &Rows| a.difference(b).count();
        assert!(
            files == hub,
            "{when}, {}: {} rows in the whole, {} in the hub; {} only in the whole, {} only in the hub",
            table.name,
            files.len(),
            hub.len(),
            only(&files, &hub),
            only(&hub, &files)
        );
    }
}

/// Ids and versions of the whole are those of a plain model that knows neither hub nor watermarks.
fn assert_model(base: &Path, model: &ModelHub, when: &str) {
    for table in &default_description().tables {
        let Some(resource) = &table.resource else { continue };
        let position = |path| table.position_of_path(path).expect("described");
        let (id, version) = (position("id"), position("meta/versionId"));
        let found: BTreeSet<(String, String)> = in_whole(base, table)
            .into_iter()
            .map(|row| {
                (
                    row[id].clone().unwrap_or_default(),
                    row[version].clone().unwrap_or_default(),
                )
            })
            .collect();
        let gone = |id: &String| model.gone.contains(&(resource.clone(), id.clone()));
        let expected = model
            .newest(resource)
            .into_iter()
            .filter(|(id, _)| !gone(id))
            .collect();
        assert_eq!(found, expected, "{when}: {resource}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fourteen_days_leave_the_whole_that_the_hub_and_a_plain_model_have() {
    let description = default_description();
    let mut deleted = 0;
    let hospitals = [(21, Deletions::Ids), (22, Deletions::History)];
    for (seed, deletions) in hospitals.into_iter().take(seeds()) {
        let hospital = Hospital::new(seed, 12)
            .with_wards(2)
            .with_admissions(1)
            .with_churn(640)
            .with_density(40);
        let mut site = Site::open(hospital.clone()).await;
        site.settings.deletions = deletions;
        let mut model = ModelHub::default();
        let base = tempfile::tempdir().expect("directory");
        model.gone_by_patient = deletions == Deletions::Ids;
        let again = tempfile::tempdir().expect("directory");
        let (mut moment, mut then) = (None, Vec::new());
        for day in 0..days() {
            let today = hospital.clone().at(day);
            site.settings.now = Some(today.timestamp());
            site.server.set_store(today.clone());
            model.day(&today, &description, true);
            let summary = site.run_kept(base.path()).await.expect("runs");
            let when = format!("seed {seed}, day {day}");
            assert!(summary.complete, "{when}: {:?}", summary.incomplete);
            assert_equal(&site, base.path(), &when).await;
            assert_model(base.path(), &model, &when);
            if day % 5 == 4 {
                rebuild(&site.hub, &description, again.path(), false)
                    .await
                    .expect("rebuilds");
                assert_equal(&site, again.path(), &format!("{when}, made anew")).await;
            }
            if day == days() / 2 {
                let clock = "SELECT clock_timestamp()::text";
                moment = crate::select::select(&site.hub, clock).await.remove(0).remove(0);
                then = all_in_hub(&site).await;
            }
        }
        deleted += model.gone.len();
        for connections in [1, 3] {
            let target = tempfile::tempdir().expect("directory");
            let options = ExportOptions {
                connections,
                ..ExportOptions::default()
            };
            export(&site.hub, &description, target.path(), &options)
                .await
                .expect("exports");
            assert_equal(&site, target.path(), "exported").await;
        }
        let target = tempfile::tempdir().expect("directory");
        let options = ExportOptions {
            connections: 2,
            as_of: moment.as_deref(),
            with_precision: true,
        };
        let past = export(&site.hub, &description, target.path(), &options).await;
        past.expect("exports the past");
        for (table, rows) in &then {
            let described = description.table(table).expect("described");
            assert!(
                in_whole(target.path(), described) == *rows,
                "{table} as of {moment:?}"
            );
        }
    }
    println!("{deleted} resources were deleted on the way");
    assert!(deleted > 5 || days() < 14, "{deleted}: the days try no deletions");
}

/// Resources that a test holds stay as they were in the whole until they are released, as in the hub; so does what a
/// run stored whose process died before it kept the whole, and what another program wrote.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_got_otherwise_is_followed() {
    let hospital = Hospital::new(31, 12).with_churn(200).with_density(40);
    let mut site = Site::open(hospital.clone()).await;
    let base = tempfile::tempdir().expect("directory");
    site.run_kept(base.path()).await.expect("runs");
    assert_equal(&site, base.path(), "first").await;

    // A run that stored everything and kept no whole.
    let today = hospital.clone().at(1);
    site.settings.now = Some(today.timestamp());
    site.server.set_store(today);
    let directory = RunDirectory::open(base.path(), fresh()).expect("opens");
    site.run_in(&directory).await.expect("runs");
    drop(directory);
    let brought = bring_up(&site.hub, &default_description(), base.path(), false)
        .await
        .expect("brings up");
    assert!(!brought.anew && brought.kept.rewritten > 0, "{brought:?}");
    assert_equal(&site, base.path(), "after a run that kept no whole").await;

    // Held resources: what is new or changed of observations waits, and the whole keeps what stood before.
    let rules = "[[site]]\nname = 'waits'\ntable = 'observation'\nseverity = 'hold'\nsql = \"SELECT obs_id FROM observation\"\n";
    std::fs::write(base.path().join("checks.toml"), rules).expect("writes");
    let today = hospital.clone().at(2);
    site.settings.now = Some(today.timestamp());
    site.server.set_store(today);
    site.run_kept(base.path()).await.expect("runs");
    assert_equal(&site, base.path(), "with rules that hold").await;
    let layout = work_dir::Runs::locate(base.path())
        .expect("reads")
        .expect("a run");
    let held = work_dir::checks::Clearance::read_held(&layout).expect("reads");
    assert!(
        held.get("observation").is_some_and(|held| !held.is_empty()),
        "{held:?}"
    );
    std::fs::remove_file(base.path().join("checks.toml")).expect("removes");
    site.run_kept(base.path()).await.expect("runs");
    assert_equal(&site, base.path(), "after what was held is handed on").await;

    // Another hub: the whole is not of it.
    let other = Site::open(hospital.clone()).await;
    let brought = bring_up(&other.hub, &default_description(), base.path(), false)
        .await
        .expect("brings up");
    assert!(brought.anew);
    assert_equal(&other, base.path(), "another hub, without rows").await;
    let brought = bring_up(&site.hub, &default_description(), base.path(), false)
        .await
        .expect("brings up");
    assert!(brought.anew);
    assert_equal(&site, base.path(), "the first hub again").await;
}

fn fresh() -> DirectoryOptions {
    DirectoryOptions {
        fresh: true,
        ..DirectoryOptions::default()
    }
}
