use std::collections::BTreeMap;

use super::ledger::{self, Entry};
use crate::record::Record;
use crate::store::{Layout, SafeDir, copy_hashed};
use crate::{Error, ErrorKind, Result};

/// What the log and the released files say of each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Entries of the log.
    pub entries: usize,
    /// Number and hash of the last entry; noted elsewhere, they show that the end of the log was not cut off.
    pub head: Option<(usize, String)>,
    /// What does not fit, a sentence each.
    pub faults: Vec<String>,
}

/// Looks whether the log is whole and the released files are those that it names.
///
/// # Errors
/// If the log was edited, cut, or cannot be read. `head` is the hash of a last entry that was noted earlier.
pub fn verify(layout: &Layout, head: Option<&str>) -> Result<Verdict> {
    let entries = ledger::read(layout)?;
    let record = Record::open(layout)?;
    head_fits(layout, &record, &entries)?;
    if let Some(head) = head
        && !entries.iter().any(|entry| entry.hash == head)
    {
        let why = "no line has the hash that was noted".to_owned();
        return Err(ErrorKind::Ledger {
            path: layout.ledger(),
            why,
        }
        .into());
    }
    let mut verdict = Verdict {
        entries: entries.len(),
        head: entries.last().map(|entry| (entry.number, entry.hash.clone())),
        faults: Vec::new(),
    };
    let latest: BTreeMap<&str, &Entry> = entries.iter().map(|entry| (entry.path.as_str(), entry)).collect();
    let folder = layout.released();
    if let Ok(released) = SafeDir::open(&folder) {
        for (path, entry) in &latest {
            match released.file(path) {
                Ok(Some(mut file)) => {
                    let (_, digest) = copy_hashed(&mut file, &mut std::io::sink())
                        .map_err(|source| Error::read(&folder, source))?;
                    if digest != entry.content_hash {
                        verdict.faults.push(format!(
                            "released/{path} is not what line {} of the log released",
                            entry.number
                        ));
                    }
                }
                _ => verdict.faults.push(format!(
                    "released/{path} is gone (line {} of the log)",
                    entry.number
                )),
            }
        }
        let mut found = Vec::new();
        files(&released, "", &mut found).map_err(|source| Error::read(&folder, source))?;
        for path in found.iter().filter(|path| !latest.contains_key(path.as_str())) {
            verdict
                .faults
                .push(format!("released/{path} is in no line of the log"));
        }
    } else if !latest.is_empty() {
        verdict.faults.push("the folder released is gone".to_owned());
    }
    Ok(verdict)
}

/// Whether the log ends where the record says; a last line more is that of a release that was cut off.
pub(super) fn head_fits(layout: &Layout, record: &Record, entries: &[Entry]) -> Result<()> {
    let Some(head) = record.flag("ledger_head")? else {
        return Ok(());
    };
    let is_head =
        |entry: Option<&Entry>| entry.is_some_and(|entry| format!("{} {}", entry.number, entry.hash) == head);
    if is_head(entries.last()) || is_head(entries.iter().rev().nth(1)) {
        return Ok(());
    }
    let why =
        "it does not end where the record says; lines were cut off or put in place of others".to_owned();
    Err(ErrorKind::Ledger {
        path: layout.ledger(),
        why,
    }
    .into())
}

fn files(folder: &SafeDir, above: &str, found: &mut Vec<String>) -> std::io::Result<()> {
    for (name, _) in folder.names()? {
        let name = name.to_string_lossy();
        match folder.folder(&name) {
            Ok(Some(below)) => files(&below, &format!("{above}{name}/"), found)?,
            _ => found.push(format!("{above}{name}")),
        }
    }
    Ok(())
}
