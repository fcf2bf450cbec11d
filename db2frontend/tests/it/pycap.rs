//! The real client PyCap reads after our export what we sent, and our import reads what PyCap wrote.

use std::path::Path;
use std::process::Command;

use crate::project::{export_to, import_from, records, start};
use crate::server::TestHub;

fn has_pycap() -> bool {
    Command::new("python3")
        .args(["-c", "import redcap"])
        .output()
        .is_ok_and(|out| out.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn pycap_and_the_exchange_read_each_other() {
    if !has_pycap() {
        x_skipped::skip!("PyCap (pip install PyCap) is not installed, it did not read what was exported");
        return;
    }
    let t = TestHub::with_patients(2).await;
    let server = start();
    export_to(&t, &server).await.unwrap();
    let id = records(&server)[0].clone();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/pycap.py");
    let run = |what: &str| {
        let out = Command::new("python3")
            .arg(&script)
            .args([server.url(), server.token(), what, &id])
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    assert_eq!(
        run("read"),
        "2 2\ne1 1 Station 2 2026-02-01 10:00\ne2 1 Station 1 2026-02-01 10:00\np1 Family 1\np2 Family 2\n"
    );
    assert_eq!(run("write"), "1\n");
    let done = import_from(&t, &server).await.unwrap();
    assert!(done.is_complete(), "{done:?}");
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT record_id, meda_notiz, meda_mrp_detekt FROM db2frontend_out.v_medikationsanalyse_fe",
    )
    .fetch_all(t.hub.pool())
    .await
    .unwrap();
    assert_eq!(
        rows,
        [(id, "from PyCap: \"x\"\nä 😀".to_owned(), "Nein".to_owned())]
    );
}
