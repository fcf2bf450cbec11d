//! R in front of and behind the hub: a program that makes the calls INTERPOLAR's modules make, run by R itself.

use std::path::Path;
use std::time::Duration;

use cds_hub::Hub;
use cds_hub::scheduler::ServeOptions;
use tokio::sync::oneshot;

use crate::load::{batch, table};
use crate::parts::store_raw;
use crate::server;
use crate::sql::{one, run};

const PASSWORD: &str = "of a test";

/// Whether R and its packages are there; says loudly if not.
fn has_r() -> bool {
    x_skipped::has_r("the modules in R are not played")
}

/// Plays the modules; what they said.
async fn play(hub: &Hub, cracked: bool) -> (bool, String) {
    for role in ["cds2db_user", "db2dataprocessor_user", "db2frontend_user"] {
        hub.set_password(role, PASSWORD).await.unwrap();
    }
    let options = hub.pool().connect_options();
    let output = tokio::process::Command::new("Rscript")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/modules.R"))
        .env("HUB_HOST", options.get_host())
        .env("HUB_PORT", options.get_port().to_string())
        .env("HUB_NAME", options.get_database().unwrap())
        .env("HUB_PASSWORD", PASSWORD)
        .env("HUB_CRACKED", if cracked { "1" } else { "" })
        .output()
        .await
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.success(), said)
}

/// Rows as our cds2db leaves them when a run breaks off between cracking and typing, with values that only our columns hold.
async fn crack(hub: &Hub) {
    let lock = hub.lock("cds2db", "cds2db:test").await.unwrap();
    let mut import = hub.begin_import(&lock).await.unwrap();
    let patient = table("patient");
    let ours = patient.columns.iter().find(|c| c.name == "pat_name_period_end");
    let ours = ours.map_or("pat_name_given", |c| c.name.as_str());
    let row = vec![
        ("pat_id", "[1]cracked1".to_owned()),
        ("pat_meta_lastupdated", "[1.1]2026-01-01T09:00:00Z".to_owned()),
        ("pat_name_family", "[1.1]Gamma".to_owned()),
        (ours, "[1.1]1998".to_owned()),
    ];
    store_raw(&mut import, &[batch(&patient, &[row])]).await.unwrap();
    import.commit().await.unwrap();
    lock.release(false).await.unwrap();
}

/// In every state a module can find, with and without a scheduler, and with rows that ours cracked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_in_r_work_on_the_hub() {
    if !has_r() {
        return;
    }
    for (state, served, cracked) in [
        ("", false, false),
        ("WaitForCronJob", false, true),
        ("Ongoing - cds2db:died (#cds2db#)", false, false),
        ("WaitForCronJob", true, true),
    ] {
        let hub = server::hub().await;
        if cracked {
            crack(&hub).await;
        }
        if !state.is_empty() {
            run(
                &hub,
                &format!(
                    "UPDATE db_config.db_process_control SET pc_value = '{state}', last_change_timestamp = clock_timestamp()
                     WHERE pc_name = 'semaphor_cron_job_data_transfer'"
                ),
            )
            .await;
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = served.then(|| {
            let hub = hub.clone();
            let options = ServeOptions {
                interval: Some(Duration::from_secs(1)),
                ..ServeOptions::default()
            };
            tokio::spawn(async move {
                hub.serve(options, async {
                    let _ = stopped.await;
                })
                .await
                .unwrap();
            })
        });
        let (fine, said) = play(&hub, cracked).await;
        drop(stop);
        if let Some(serving) = serving {
            serving.await.unwrap();
        }
        assert!(
            fine,
            "state {state:?}, served {served}, cracked {cracked}:\n{said}"
        );
        assert_eq!(
            one(&hub, "SELECT count(*) FROM core.quarantine").await,
            "0",
            "{said}"
        );
        assert!(said.contains("0 failures"), "{said}");
    }
}
