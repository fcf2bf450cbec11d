//! Program and machine.

use std::fs;
use std::path::Path;

use rustix::fs::statvfs;

use super::finding::Findings;

const PROGRAM: &str = "program";
const MACHINE: &str = "machine";
/// Free space below which a run is likely to end early.
const LITTLE: u64 = 2 << 30;

pub(super) fn look(found: &mut Findings, directory: &Path) {
    found.fine(
        PROGRAM,
        "version",
        command_line::version(env!("CARGO_PKG_VERSION"), &crate::cli::features()),
    );
    let linked = if cfg!(target_feature = "crt-static") {
        "static"
    } else {
        "dynamic"
    };
    found.fine(
        PROGRAM,
        "built for",
        format!(
            "{} {} {}, C library linked {linked}",
            std::env::consts::ARCH,
            std::env::consts::OS,
            if cfg!(target_env = "musl") { "musl" } else { "gnu" }
        ),
    );
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    found.fine(MACHINE, "system", name.unwrap_or("not named").trim_matches('"'));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    found.fine(MACHINE, "kernel", kernel.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    found.fine(MACHINE, "cores for this process", cores);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    for (name, what) in [("MemTotal:", "memory"), ("MemAvailable:", "memory available")] {
        let line = memory.lines().find_map(|line| line.strip_prefix(name));
        found.fine(MACHINE, what, line.map_or("not told", str::trim));
    }
    for (what, directory) in [
        ("free where the runs are", directory.to_owned()),
        ("free for temporary files", std::env::temp_dir()),
    ] {
        disk(found, what, &directory);
    }
}

fn disk(found: &mut Findings, what: &str, directory: &Path) {
    let Ok(disk) = statvfs(directory) else {
        found.fault(MACHINE, what, "the directory cannot be looked at");
        return;
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let text = format!(
        "{} MiB of {} MiB, {} inodes",
        free >> 20,
        disk.f_blocks.saturating_mul(disk.f_frsize) >> 20,
        disk.f_favail
    );
    match free < LITTLE {
        true => found.look(MACHINE, what, text),
        false => found.fine(MACHINE, what, text),
    }
}
