//! Two sites of one hospital, both taken over from the original: one goes to and fro, the other stays with ours.

use cds_hub::Hub;
use cds2db::run::{DirectoryOptions, RunDirectory};
use fixtures::hospital::Hospital;
use table_description::Description;

use super::original_day::original_day;
use crate::case_list::ward_list;
use crate::model::ModelHub;
use crate::select::select;
use crate::site::Site;

/// Forms that the dataprocessor fills, and columns with numbers of the hub's own.
pub(super) const FORMS: [(&str, &[&str]); 2] = [
    ("patient_fe", &["patient_fe_id", "record_id"]),
    ("fall_fe", &["fall_fe_id", "record_id", "patient_id_fk"]),
];

pub(super) struct Two {
    /// Goes to and fro.
    pub both: Site,
    /// Only ever ran ours.
    pub ours: Site,
    pub description: Description,
    directory: tempfile::TempDir,
}

impl Two {
    /// The hospital's first day stands in hubs of the original's, which become ours.
    pub(super) async fn adopt(hospital: &Hospital, model: &mut ModelHub) -> Self {
        let mut description = None;
        let both = Site::open_with(hospital.clone(), async |hub: &Hub| {
            description = Some(original_day(hub, hospital, model).await);
        })
        .await;
        let ours = Site::open_with(hospital.clone(), async |hub: &Hub| {
            original_day(hub, hospital, &mut ModelHub::default()).await;
        })
        .await;
        let description = description.expect("a description");
        let directory = tempfile::tempdir().expect("directory");
        Self {
            both,
            ours,
            description,
            directory,
        }
    }

    pub(super) fn set(&mut self, today: &Hospital) {
        for site in [&mut self.both, &mut self.ours] {
            site.settings.now = Some(today.timestamp());
            site.server.set_store(today.clone());
        }
    }

    pub(super) async fn ours(&self, today: &Hospital, when: &str) {
        retrieve(&self.both, &self.description, when).await;
        process(&self.both, today, when).await;
    }

    /// The other site's day; without its dataprocessor where the chain of the first breaks off before it.
    pub(super) async fn ours_alone(&self, today: &Hospital, breaks_off: bool, when: &str) {
        retrieve(&self.ours, &self.description, when).await;
        if !breaks_off {
            process(&self.ours, today, when).await;
        }
    }

    /// A rule of the site's own finds fault with every observation, so that none is typed.
    pub(super) async fn ours_held(&self, when: &str) {
        let rule = "[[site]]\nname = 'none'\ntable = 'observation'\nseverity = 'stop'\nsql = \"SELECT * FROM observation\"\n";
        let base = self.directory.path();
        std::fs::write(base.join("checks.toml"), rule).expect("rules");
        let options = DirectoryOptions {
            fresh: true,
            ..DirectoryOptions::default()
        };
        let directory = RunDirectory::open(base, options).expect("opens");
        let client = self.both.client();
        let run = self.both.patients(&self.description, &client);
        let done = run.execute_in(&directory).await;
        let waiting = "SELECT count(*)::text FROM cds2db_out.v_observation_raw_diff";
        let waiting = self.both.count(waiting).await;
        assert!(waiting > 0, "{when}: {done:?}");
    }
}

async fn retrieve(site: &Site, description: &Description, when: &str) {
    let client = site.client();
    let done = site.patients(description, &client).execute().await;
    let summary = done.unwrap_or_else(|e| panic!("{when}: {e:?}"));
    assert!(summary.complete, "{when}: {:?}", summary.incomplete);
}

async fn process(site: &Site, today: &Hospital, when: &str) {
    let mut config = ward_list(today.wards().iter());
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone");
    config.debug_now = Some(today.timestamp().to_zoned(zone).datetime());
    let done = dataprocessor::run(&site.hub, &config).await;
    done.unwrap_or_else(|e| panic!("{when}: {e:?}"));
}

/// The columns of a form, as text, without those that only count in one hub.
pub(super) async fn form_columns(two: &Two, table: &str, own: &[&str]) -> String {
    let sql = format!(
        "SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = 'db2dataprocessor_in.{table}'::regclass AND a.attnum > 0 \
         AND NOT a.attisdropped ORDER BY a.attnum"
    );
    let technical = [
        "input_datetime",
        "last_check_datetime",
        "current_dataset_status",
        "input_processing_nr",
        "last_processing_nr",
        "hash_index_col",
    ];
    let names = select(&two.both.hub, &sql).await.into_iter().flatten().flatten();
    let names = names.filter(|name| !technical.contains(&name.as_str()) && !own.contains(&name.as_str()));
    names
        .map(|name| format!("{name}::text"))
        .collect::<Vec<_>>()
        .join(", ")
}
