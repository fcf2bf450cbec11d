use std::collections::HashMap;

use crate::Failure;

/// Clock ticks a second, as Linux shows them whatever its own clock.
const TICKS: f64 = 100.0;

/// A process with all that descend from it.
#[derive(Clone, Copy, Debug)]
pub struct Processes {
    root: u32,
}

struct Process {
    parent: u32,
    /// Its own ticks, and those of its children that have ended.
    ticks: u64,
}

impl Processes {
    /// This process and its children.
    pub fn new(root: u32) -> Self {
        Self { root }
    }

    /// The parent of a process, and its other children.
    pub fn of_parent(child: u32) -> Result<Self, Failure> {
        let process = read(child).ok_or("no such process")?;
        Ok(Self { root: process.parent })
    }

    /// User and system time in seconds that they have used so far, those that have ended included.
    pub fn cpu_seconds(self) -> f64 {
        let all: HashMap<u32, Process> = std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|id| Some((id, read(id)?)))
            .collect();
        let belongs = |mut id: u32| {
            for _ in 0..8 {
                if id == self.root {
                    return true;
                }
                match all.get(&id) {
                    Some(process) => id = process.parent,
                    None => return false,
                }
            }
            false
        };
        let ticks: u64 = all
            .iter()
            .filter(|(id, _)| belongs(**id))
            .map(|(_, process)| process.ticks)
            .sum();
        ticks as f64 / TICKS
    }
}

/// User and system time of this process in seconds.
pub fn own_cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    fields(&text).map_or(0.0, |f| f.iter().skip(11).take(2).sum::<u64>() as f64 / TICKS)
}

fn read(id: u32) -> Option<Process> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields = fields(&text)?;
    Some(Process {
        parent: u32::try_from(*fields.get(1)?).ok()?,
        ticks: fields.iter().skip(11).take(4).sum(),
    })
}

/// The fields behind the name, from the state on; negative ones and the state are 0.
fn fields(text: &str) -> Option<Vec<u64>> {
    let (_, rest) = text.rsplit_once(')')?;
    Some(
        rest.split_whitespace()
            .map(|field| field.parse().unwrap_or_default())
            .collect(),
    )
}

/// Runnable processes of the machine in the last minute, which tells how much others disturbed.
pub fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or_default()
}

/// Cores and GiB of the machine: what a result is filed under.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|n| n.parse().ok())
        .unwrap_or_default();
    format!("{cores}-cores-{}-gib", (kib + (1 << 19)) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_seen_in_this_process_and_its_tree() {
        let before = (
            own_cpu_seconds(),
            Processes::new(std::process::id()).cpu_seconds(),
        );
        let begun = std::time::Instant::now();
        let mut sum = 0_u64;
        while begun.elapsed().as_secs_f64() < 2.0 && own_cpu_seconds() - before.0 < 0.1 {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(1));
        }
        assert!(own_cpu_seconds() > before.0);
        assert!(Processes::new(std::process::id()).cpu_seconds() > before.1);
    }

    #[test]
    fn names_with_brackets_and_blanks_do_not_shift_the_fields() {
        let fields = fields("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14").expect("fields");
        assert_eq!(fields.get(1), Some(&1));
        assert_eq!(fields.get(11..13), Some(&[11, 12][..]));
    }
}
