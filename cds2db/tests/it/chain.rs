//! The whole chain: its order, what stops it, and a chain that broke off.

use std::collections::BTreeSet;
use std::process::Command;

use dataprocessor::CaseProfile;
use dataprocessor::config::{Phases, WardPhases, wall_time};
use fixtures::Format;
use fixtures::hospital::Hospital;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

use crate::select::select;
use crate::work_place::{Place, program};

/// The chain on a site whose other steps write down that they ran.
struct Chain(Place);

const STEPS: [&str; 3] = ["FRONTEND2DB", "DATAPROCESSOR", "DB2FRONTEND"];

impl Chain {
    async fn open(ward_phases: &str) -> Self {
        Self::of(Place::open().await, ward_phases)
    }

    fn of(place: Place, ward_phases: &str) -> Self {
        let chain = Self(place);
        let folder = chain.0.directory.path();
        let processor = dataprocessor::config::TEMPLATE.replace("./cds_hub_db_config.toml", "./db.toml");
        let processor = format!("{processor}\n{ward_phases}");
        std::fs::write(folder.join("dataprocessor_config.toml"), processor).expect("writes");
        chain.configure(|step| format!("echo {step} >> ran"));
        chain
    }

    /// What each of the steps of others does.
    fn configure(&self, does: impl Fn(&str) -> String) {
        self.0.configure(4);
        let mut config = std::fs::read_to_string(self.0.config()).expect("reads");
        for step in STEPS {
            config.push_str(&format!("CHAIN_{step} = [\"sh\", \"-c\", \"{}\"]\n", does(step)));
        }
        let text = std::fs::read_to_string(self.0.directory.path().join("db.toml")).expect("reads");
        let more = text.replace("CDS2DB", "DATAPROCESSOR");
        let more = more.lines().filter(|l| l.starts_with("DB_DATAPROCESSOR"));
        let text = format!("{text}{}\n", more.collect::<Vec<_>>().join("\n"));
        std::fs::write(self.0.directory.path().join("db.toml"), text).expect("writes");
        std::fs::write(self.0.config(), config).expect("writes");
    }

    /// Its exit code, what it said, and which steps of others ran.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let folder = self.0.directory.path();
        let ran = folder.join("ran");
        let _ = std::fs::remove_file(&ran);
        let mut command: Command = program();
        let output = command
            .current_dir(folder)
            .args(["chain", "--config", "config.toml"])
            .args(arguments)
            .output()
            .expect("the program starts");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let ran = std::fs::read_to_string(ran).unwrap_or_default();
        (
            output.status.code(),
            text,
            ran.split_whitespace().collect::<Vec<_>>().join(" "),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steps_run_in_the_originals_order_and_an_interrupted_chain_is_made_good() {
    let chain = Chain::open("").await;
    let (code, text, ran) = chain.run(&["--resetLock", "--unheardOf", "--ignoreNewerDBVersion"]);
    assert_eq!(
        (code, ran.as_str()),
        (Some(0), "FRONTEND2DB DATAPROCESSOR DB2FRONTEND"),
        "{text}"
    );
    assert!(text.contains("--unheardOf is not known"), "{text}");
    assert!(text.contains("no lock was left"), "{text}");
    let listed = "SELECT count(*)::text FROM db_log.pids_per_ward";
    assert!(chain.0.site.count(listed).await > 0, "the retrieval ran");
    // The dataprocessor of this site writes nothing, so the next chain finds its cases without a row.
    let (code, text, ran) = chain.run(&[]);
    assert_eq!(
        (code, ran.as_str()),
        (
            Some(0),
            "DATAPROCESSOR DB2FRONTEND FRONTEND2DB DATAPROCESSOR DB2FRONTEND"
        ),
        "{text}"
    );
    let (_, text, ran) = chain.run(&["--set", "RECOVER_INCOMPLETE_TOOLCHAIN_RUNS=false"]);
    assert_eq!(ran, "FRONTEND2DB DATAPROCESSOR DB2FRONTEND", "{text}");
    // After an error the rest is left out, and the code is that of the step.
    chain.configure(|step| match step {
        "FRONTEND2DB" => "echo FRONTEND2DB >> ran; exit 7".to_owned(),
        step => format!("echo {step} >> ran"),
    });
    let (code, text, ran) = chain.run(&["--set", "RECOVER_INCOMPLETE_TOOLCHAIN_RUNS=false"]);
    assert_eq!((code, ran.as_str()), (Some(7), "FRONTEND2DB"), "{text}");
    assert!(
        text.lines()
            .any(|line| line.starts_with("dataprocessor ") && line.ends_with("left out: after an error")),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_hub_other_wards_and_a_dead_holder_are_told() {
    let chain = Chain::open(
        "PHASES_WARD_1 = [\"ward_name = 'Elsewhere'\", \"phase_a_start = '2020-01-01 00:00:00'\"]\n",
    )
    .await;
    let (code, text, ran) = chain.run(&[]);
    assert_eq!((code, ran.as_str()), (Some(2), ""), "{text}");
    assert!(text.contains("'Elsewhere'"), "{text}");
    let hub = &chain.0.site.hub;
    let newer = "INSERT INTO core.installation (fingerprint, program, since) SELECT fingerprint, '99.0.0', since + interval '1 s' \
                 FROM core.installation ORDER BY since DESC LIMIT 1";
    sqlx::raw_sql(newer).execute(hub.pool()).await.expect("notes");
    let (code, text, ran) = chain.run(&["--ignoreWardNameMismatch"]);
    assert_eq!((code, ran.as_str()), (Some(1), ""), "{text}");
    assert!(text.contains("99.0.0"), "{text}");
    // A module of the original took the lock and died with it.
    let take = "SELECT db.data_transfer_stop('cds2db', 'x')";
    sqlx::raw_sql(take).execute(hub.pool()).await.expect("locks");
    let (code, text, ran) = chain.run(&["--ignoreWardNameMismatch", "--resetLockAndStop"]);
    assert_eq!((code, ran.as_str()), (Some(0), ""), "{text}");
    assert!(
        text.contains("the lock that cds2db had left was taken away"),
        "{text}"
    );
    let (code, text, ran) = chain.run(&["--ignore-ward-name-mismatch", "--ignore-newer-db-version"]);
    assert_eq!(
        (code, ran.as_str()),
        (Some(0), "FRONTEND2DB DATAPROCESSOR DB2FRONTEND"),
        "{text}"
    );
}

/// The same command with `--go-on` begins where the last chain failed; without it the retrieval comes first again.
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_goes_on_at_the_step_that_failed_where_that_is_asked_for() {
    let chain = Chain::open("").await;
    let quiet = ["--set", "RECOVER_INCOMPLETE_TOOLCHAIN_RUNS=false"];
    let going_on = [&quiet[..], &["--go-on"]].concat();
    chain.configure(|step| match step {
        "DATAPROCESSOR" => "echo DATAPROCESSOR >> ran; exit 5".to_owned(),
        step => format!("echo {step} >> ran"),
    });
    let (code, text, ran) = chain.run(&going_on);
    assert_eq!(
        (code, ran.as_str()),
        (Some(5), "FRONTEND2DB DATAPROCESSOR"),
        "{text}"
    );
    chain.configure(|step| format!("echo {step} >> ran"));
    let (code, text, ran) = chain.run(&going_on);
    assert_eq!(
        (code, ran.as_str()),
        (Some(0), "DATAPROCESSOR DB2FRONTEND"),
        "{text}"
    );
    assert!(text.contains("going on at dataprocessor"), "{text}");
    assert!(!text.contains("== retrieval"), "{text}");
    // It came to its end: the next one begins with the retrieval, with or without.
    let (_, text, ran) = chain.run(&going_on);
    assert_eq!(ran, "FRONTEND2DB DATAPROCESSOR DB2FRONTEND", "{text}");
    chain.configure(|step| match step {
        "DB2FRONTEND" => "exit 1".to_owned(),
        step => format!("echo {step} >> ran"),
    });
    chain.run(&quiet);
    let (_, text, ran) = chain.run(&quiet);
    assert_eq!(ran, "FRONTEND2DB DATAPROCESSOR", "{text}");
    assert!(text.contains("== retrieval"), "{text}");
}

/// A listed case of which the dataprocessor makes no row is its decision: no chain begins with a recovery for it.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_dataprocessor_shows_no_row_for_is_not_made_good_every_day() {
    let chain = Chain::open("").await;
    let (code, text, _) = chain.run(&[]);
    assert_eq!(code, Some(0), "{text}");
    let hub = &chain.0.site.hub;
    assert!(
        hub.listed_without_form().await.expect("counts") > 0,
        "nothing has processed the list"
    );
    let mut config = dataprocessor::Config::default();
    // Before any case of this hospital began.
    config.debug_now = wall_time::parse("2000-01-01");
    let summary = dataprocessor::run(hub, &config).await.expect("runs");
    assert_eq!(summary.cases, 0);
    assert_eq!(hub.listed_without_form().await.expect("counts"), 0);
}

/// Patients of the ward contacts that are over and touch the time since `since`, with the contact that began last.
fn stays_that_are_over(hospital: &Hospital, since: Timestamp) -> Vec<(String, String)> {
    let resources: Vec<(String, Value)> = hospital
        .resources(Format::Json)
        .map(|r| {
            let value = serde_json::from_slice(&r.bytes).expect("JSON");
            (r.kind.name().to_owned(), value)
        })
        .collect();
    let text = |value: &Value, at: &str| value.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let wards: BTreeSet<String> = resources
        .iter()
        .filter(|(kind, r)| {
            kind == "Location" && text(r, "/name").is_some_and(|name| hospital.wards().contains(&name))
        })
        .filter_map(|(_, r)| Some(format!("Location/{}", text(r, "/id")?)))
        .collect();
    let mut stays = Vec::new();
    for (_, encounter) in resources.iter().filter(|(kind, _)| kind == "Encounter") {
        let on_ward = encounter["location"].as_array().is_some_and(|places| {
            places
                .iter()
                .any(|p| text(p, "/location/reference").is_some_and(|r| wards.contains(&r)))
        });
        let class = matches!(text(encounter, "/class/code").as_deref(), Some("IMP" | "SS"));
        let moment = |at: &str| text(encounter, at).and_then(|t| t.parse::<Timestamp>().ok());
        let over = text(encounter, "/status").as_deref() == Some("finished");
        if on_ward && class && over && moment("/period/end").is_some_and(|end| end >= since) {
            let patient = text(encounter, "/subject/reference").expect("a patient");
            let patient = patient.rsplit('/').next().unwrap_or_default().to_owned();
            let start = moment("/period/start").expect("a start");
            stays.push((patient, start, text(encounter, "/id").expect("an id")));
        }
    }
    stays.sort_by(|a, b| (&a.0, b.1).cmp(&(&b.0, a.1)));
    stays.dedup_by(|later, first| later.0 == first.0);
    stays.into_iter().map(|(patient, _, id)| (patient, id)).collect()
}

/// The original's complaint #756: who came and went between two runs is on no list and so has no case.
#[tokio::test(flavor = "multi_thread")]
async fn a_stay_between_two_chains_gets_its_case_where_that_is_asked_for() {
    let zone = TimeZone::get("Europe/Berlin").expect("a zone");
    let first_day = Timestamp::now().to_zoned(zone.clone()).date() - 7.days();
    let hospital = Hospital::new(11, 120).with_origin(first_day).with_admissions(8);
    let chain = Chain::of(Place::open_for(hospital.clone()).await, "");
    let site = &chain.0.site;
    let (code, text, _) = chain.run(&[]);
    assert_eq!(code, Some(0), "{text}");
    // Six days without a chain.
    let six_days_later = hospital.clone().at(6);
    site.server.set_store(six_days_later.clone());
    let pause = "UPDATE core.watermark SET loaded_until = loaded_until - interval '7 days'";
    let pause = async || {
        let done = sqlx::raw_sql(pause).execute(site.hub.pool()).await;
        done.expect("the clock goes back");
    };
    pause().await;
    let known = "SELECT DISTINCT enc_id FROM db_log.encounter";
    let texts = async |sql: &str| -> BTreeSet<String> {
        select(&site.hub, sql)
            .await
            .into_iter()
            .flatten()
            .flatten()
            .collect()
    };
    let listed = "SELECT patient_id FROM db2dataprocessor_out.v_pids_per_ward_last_import";
    // As the original does it: the list says who is there.
    let (code, text, _) = chain.run(&[]);
    assert_eq!(code, Some(0), "{text}");
    let (there, seen) = (texts(listed).await, texts(known).await);
    let since = first_day.to_zoned(zone).expect("a day").timestamp();
    let mut missed = stays_that_are_over(&six_days_later, since);
    missed.retain(|(patient, encounter)| !there.contains(patient) && !seen.contains(encounter));
    assert!(missed.len() > 2, "{missed:?}");
    let missed: BTreeSet<String> = missed.into_iter().map(|(patient, _)| patient).collect();
    pause().await;
    let asked = ["--set", "STAYS_BETWEEN_RUNS=true"];
    let (code, text, ran) = chain.run(&asked);
    assert_eq!(code, Some(0), "{text}");
    assert!(ran.ends_with("FRONTEND2DB DATAPROCESSOR DB2FRONTEND"), "{ran}");
    let both: BTreeSet<String> = there.union(&missed).cloned().collect();
    assert_eq!(texts(listed).await, both, "{text}");
    let phases = hospital.wards().into_iter().map(|ward| WardPhases {
        ward,
        a_start: wall_time::parse("2000-01-01"),
        b_start: None,
        b_test: false,
    });
    let mut config = dataprocessor::Config::default();
    config.profile = CaseProfile::WardList;
    config.phases = Phases::new(phases.collect());
    dataprocessor::run(&site.hub, &config).await.expect("runs");
    let cases =
        "SELECT fall_pat_id FROM db2dataprocessor_out.v_fall_fe_last_import WHERE fall_ent_dat IS NOT NULL";
    let over = texts(cases).await;
    assert!(missed.is_subset(&over), "{missed:?} of {over:?}");
    // They are known now, and the next list has who is there.
    pause().await;
    let (code, text, _) = chain.run(&asked);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(texts(listed).await, there, "{text}");
}
