//! What a load costs: time by the clock and, as `/proc` tells it, the CPU of both sides, which the clock hides where they
//! work at the same time.

use std::time::Duration;

use cds_hub::cluster::Cluster;

/// Time by the clock, and CPU seconds of this process and of the server's.
pub(crate) struct Cost {
    pub(crate) time: Duration,
    pub(crate) client: f64,
    pub(crate) server: f64,
}

impl Cost {
    pub(crate) fn so_far(postmaster: u32) -> Self {
        let mut server = 0.0;
        for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let stat = stat(&process.path());
            let of_server = process.file_name().to_str() == Some(postmaster.to_string().as_str());
            if of_server {
                // What ended children took is counted by their parent.
                server += (13..17).map(|n| field(&stat, n)).sum::<f64>();
            } else if field(&stat, 3) as u32 == postmaster {
                server += field(&stat, 13) + field(&stat, 14);
            }
        }
        let own = stat(std::path::Path::new("/proc/self"));
        // Hundredths of a second, everywhere but on exotic machines.
        Self {
            time: Duration::ZERO,
            client: (field(&own, 13) + field(&own, 14)) / 100.0,
            server: server / 100.0,
        }
    }

    pub(crate) fn least(&self, other: &Self) -> Self {
        Self {
            time: self.time.min(other.time),
            client: self.client.min(other.client),
            server: self.server.min(other.server),
        }
    }
}

fn stat(process: &std::path::Path) -> String {
    std::fs::read_to_string(process.join("stat")).unwrap_or_default()
}

/// A number of `/proc/PID/stat`, counted from 0; the name of the program must not hold a blank.
fn field(stat: &str, n: usize) -> f64 {
    stat.split(' ')
        .nth(n)
        .and_then(|v| v.parse().ok())
        .unwrap_or_default()
}

/// The server's first process, the parent of the others.
pub(crate) fn postmaster(cluster: &Cluster) -> u32 {
    let file = cluster.directory().join("data/postmaster.pid");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .next()
        .and_then(|l| l.trim().parse().ok())
        .unwrap_or_default()
}
