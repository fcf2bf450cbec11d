//! The server all tests of this program share, and databases of their own for each.

use std::path::{Path, PathBuf};

use cds_hub::Hub;
use cds_hub::cluster::{Cluster, ClusterOptions};
use test_hub::TestServer;

static SERVER: TestServer =
    TestServer::new(env!("CARGO_TARGET_TMPDIR"), "cds-hub-it").supervised(env!("CARGO_BIN_EXE_cds-hub"));

/// The program that calls `supervisor_main`.
pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_cds-hub"))
}

/// Of a cluster of a test's own.
pub(crate) fn options() -> ClusterOptions {
    SERVER.options()
}

/// URL of a database of one's own, empty.
pub(crate) async fn empty_database() -> String {
    SERVER.database().await.until_the_test_ends()
}

/// A hub of one's own with the standard tables.
pub(crate) async fn hub() -> Hub {
    hub_and_url().await.0
}

/// The same with its URL, for further connections.
pub(crate) async fn hub_and_url() -> (Hub, String) {
    SERVER.hub().await.until_the_test_ends()
}

/// Tests that ask while the last server stops get another one, which has nothing of what the first was given.
#[tokio::test]
async fn each_server_of_a_program_is_prepared() {
    static STOPPED: TestServer = TestServer::new(env!("CARGO_TARGET_TMPDIR"), "cds-hub-prepared");
    let mut prepared = 0;
    let first = STOPPED.hub().await;
    for _ in 0..2 {
        first.once_a_server(async |_| prepared += 1).await;
    }
    drop(first);
    let slot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cds-hub-prepared/0");
    let _stopping = Cluster::open(&slot, &options()).unwrap();
    let second = STOPPED.hub().await;
    second.once_a_server(async |_| prepared += 1).await;
    assert_eq!(prepared, 2);
}
