use std::path::Path;
use std::process::ExitCode;

use cds_hub::Result;
use cds_hub::cluster::{Cluster, ClusterOptions};

use super::output;

/// Runs a private cluster until this process ends.
pub(crate) fn run(dir: &Path, port: Option<u16>) -> Result<ExitCode> {
    let cluster = Cluster::open(
        dir,
        &ClusterOptions {
            port,
            ..ClusterOptions::supervised()
        },
    )?;
    if let Some(notice) = cluster.notice() {
        output::note(notice);
    }
    output::line(&cluster.psql());
    // Ctrl-C ends this process; the supervisor then stops the server.
    loop {
        std::thread::park();
    }
}
