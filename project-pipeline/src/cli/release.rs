use clap::Args;

use super::{Place, disclosure::Disclosure, say};
use crate::Result;
use crate::release::{self, ReleaseOptions};
use crate::store::Layout;

/// Arguments of `pipeline release`.
#[derive(Args)]
pub(super) struct Release {
    #[command(flatten)]
    place: Place,
    /// Files in level4 that were reviewed
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Who reviewed them
    #[arg(long, value_name = "NAME")]
    reviewer: String,
    /// What is to be remembered
    #[arg(long, default_value = "", value_name = "TEXT")]
    comment: String,
    /// Release tables with small counts too
    #[arg(long)]
    accept_small_cells: bool,
    #[command(flatten)]
    disclosure: Disclosure,
}

/// Arguments of `pipeline verify`.
#[derive(Args)]
pub(super) struct Verify {
    #[command(flatten)]
    place: Place,
    /// Hash of an entry that was noted elsewhere; the log must have it
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
}

impl Release {
    pub(super) fn run(&self) -> Result<bool> {
        let options = ReleaseOptions {
            reviewer: self.reviewer.clone(),
            comment: self.comment.clone(),
            accept_small_cells: self.accept_small_cells,
            rules: self.disclosure.rules(),
        };
        for entry in release::release(&Layout::new(&self.place.workspace()), &self.files, &options)? {
            say(&format!(
                "{}. {} released, hash {}\n",
                entry.number, entry.path, entry.hash
            ));
        }
        Ok(true)
    }
}

impl Verify {
    pub(super) fn run(&self) -> Result<bool> {
        let verdict = release::verify(&Layout::new(&self.place.workspace()), self.head.as_deref())?;
        for fault in &verdict.faults {
            say(&format!("{fault}\n"));
        }
        let head = verdict.head.map_or_else(String::new, |(number, hash)| {
            format!("; entry {number} has the hash {hash}")
        });
        say(&format!("{} entries follow each other{head}\n", verdict.entries));
        Ok(verdict.faults.is_empty())
    }
}
