//! Time and memory of this process.

use std::hint::black_box;
use std::time::Instant;

/// Measures from its making on.
pub(crate) struct Meter {
    cpu: Option<f64>,
    wall: Instant,
    resident: u64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        // Linux forgets the highest mark when told so; elsewhere memory is not measured.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self {
            cpu: cpu(),
            wall: Instant::now(),
            resident: status("VmRSS:"),
        }
    }

    /// Seconds of this thread on a CPU, or by the clock where the system does not tell.
    pub(crate) fn seconds(&self) -> f64 {
        match (self.cpu, cpu()) {
            (Some(before), Some(now)) => now - before,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }

    /// The highest mark of resident memory above what was resident at the start.
    pub(crate) fn peak_bytes(&self) -> u64 {
        status("VmHWM:").saturating_sub(self.resident)
    }

    /// Seconds that copying so many bytes of memory takes.
    pub(crate) fn copy(bytes: u64) -> f64 {
        let from = vec![7u8; 1 << 26];
        let mut to = vec![0u8; 1 << 26];
        let start = Self::start();
        let mut left = bytes;
        while left > 0 {
            let len = left.min(from.len() as u64) as usize;
            to[..len].copy_from_slice(&from[..len]);
            black_box(&mut to);
            left -= len as u64;
        }
        start.seconds()
    }
}

fn cpu() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}

fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}
