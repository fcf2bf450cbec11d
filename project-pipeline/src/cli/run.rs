use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Args;

use super::live::Live;
use super::{Place, disclosure::Disclosure, option_fault, say};
use crate::run::{self, RunOptions, Runners};
use crate::{Error, Result};

/// Arguments of `pipeline run`.
#[derive(Args)]
pub(super) struct Run {
    #[command(flatten)]
    place: Place,
    /// Actions to run; run_all for all of them
    #[arg(required = true, value_name = "ACTION")]
    actions: Vec<String>,
    /// Run everything that they need again
    #[arg(short, long)]
    force: bool,
    /// Run what is needed and stale again
    #[arg(long)]
    stale: bool,
    /// Go on with jobs that do not need the one that failed
    #[arg(long)]
    continue_on_error: bool,
    /// Jobs at once
    #[arg(short, long, default_value_t = 2, value_name = "N")]
    jobs: usize,
    /// Memory of a job, such as 512M or 4G
    #[arg(short, long, default_value = "4G", value_name = "SIZE")]
    memory: String,
    /// Time of a job, such as 90s, 30m or 24h
    #[arg(long, default_value = "24h", value_name = "TIME")]
    time_limit: String,
    /// TOML file of runners; runners.toml of the project, if there is one, unless given
    #[arg(long, value_name = "FILE")]
    runners: Option<PathBuf>,
    /// Run jobs without bubblewrap
    #[arg(long)]
    no_sandbox: bool,
    /// Who asks; the user's name unless given
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    #[command(flatten)]
    disclosure: Disclosure,
}

impl Run {
    pub(super) fn run(&self) -> Result<bool> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [
            signal_hook::consts::SIGINT,
            signal_hook::consts::SIGTERM,
            signal_hook::consts::SIGHUP,
        ] {
            signal_hook::flag::register(signal, Arc::clone(&stop))
                .map_err(|source| Error::write(std::path::Path::new("the signal handlers"), source))?;
        }
        let mut options = RunOptions::new(&self.place.project_dir);
        options.workspace = self.place.workspace();
        options.force = self.force;
        options.stale = self.stale;
        options.continue_on_error = self.continue_on_error;
        options.jobs = self.jobs;
        options.limits.memory = size(&self.memory)?;
        options.limits.time = time(&self.time_limit)?;
        options.runners = self.runners()?;
        options.sandbox = !self.no_sandbox;
        options.who = self.who.clone().unwrap_or_else(user);
        options.rules = self.disclosure.rules();
        options.stop = stop;
        let mut live = Live::new();
        let outcome = run::run(&self.actions, &options, &mut live)?;
        live.end();
        match &outcome.page {
            None => say("nothing to do\n"),
            Some(page) => say(&format!(
                "{}\npage: {}\n",
                Live::summary(&outcome.jobs),
                page.display()
            )),
        }
        Ok(outcome.is_good())
    }

    fn runners(&self) -> Result<Runners> {
        let mut runners = Runners::built_in();
        let usual = self.place.project_dir.join("runners.toml");
        match &self.runners {
            Some(path) => runners.add_file(path)?,
            None if usual.is_file() => runners.add_file(&usual)?,
            None => {}
        }
        Ok(runners)
    }
}

fn user() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}

/// Bytes from a number with K, M, G or T.
fn size(text: &str) -> Result<u64> {
    let fault = || {
        option_fault(format!(
            "`{text}` is no size of memory; write one such as 512M or 4G"
        ))
    };
    let (number, unit) = text.trim().split_at(
        text.trim()
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.trim().len()),
    );
    let shift = match unit.to_ascii_uppercase().as_str() {
        "" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return Err(fault()),
    };
    let number: u64 = number.parse().map_err(|_| fault())?;
    number
        .checked_mul(1 << shift)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(fault)
}

/// A duration from a number with s, m or h.
fn time(text: &str) -> Result<Duration> {
    let fault = || option_fault(format!("`{text}` is no time; write one such as 90s, 30m or 24h"));
    let (number, unit) = text.trim().split_at(
        text.trim()
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.trim().len()),
    );
    let seconds = match unit {
        "s" | "" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(fault()),
    };
    let number: u64 = number.parse().map_err(|_| fault())?;
    number
        .checked_mul(seconds)
        .filter(|s| *s > 0)
        .map(Duration::from_secs)
        .ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(size("4G").ok(), Some(4 << 30));
        assert_eq!(size("512m").ok(), Some(512 << 20));
        assert!(
            size("0").is_err() && size("G").is_err() && size("4X").is_err() && size("99999999999T").is_err()
        );
        assert_eq!(time("30m").ok(), Some(Duration::from_secs(1800)));
        assert!(time("0s").is_err() && time("1y").is_err());
    }
}
