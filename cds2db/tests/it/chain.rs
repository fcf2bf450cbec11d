//! The whole chain: its order, what stops it, and a chain that broke off.

use std::process::Command;

use crate::work_place::{Place, program};

/// The chain on a site whose other steps write down that they ran.
struct Chain(Place);

const STEPS: [&str; 3] = ["FRONTEND2DB", "DATAPROCESSOR", "DB2FRONTEND"];

impl Chain {
    async fn open(ward_phases: &str) -> Self {
        let chain = Self(Place::open().await);
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
