//! Waveforms in the WFDB format: headers and the segment files that they name.
//! Source: WFDB header format (PhysioNet, header(5)).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Item, Kind, Raw, each};
use crate::progress::Progress;

/// Bytes of a header that are read at most.
const HEADER_BYTES: u64 = 4 * 1024 * 1024;

/// Kinds of files that lie beside a record without being named by its header.
const BESIDE: [&str; 6] = ["atr", "txt", "json", "csv", "xws", "ann"];

pub(super) fn check(root: &Path, items: &[&Item<'_>], threads: usize, progress: &dyn Progress) -> Vec<Raw> {
    let mut findings = Vec::new();
    let read = each(items, threads, progress, |item| match is_header(item) {
        true => Some(header(&root.join(&item.path))),
        false => None,
    });
    let mut named: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let there: BTreeSet<&str> = items.iter().map(|item| item.path.as_str()).collect();
    for (item, header) in items.iter().zip(read) {
        if item.inner.split('/').count() < 2 {
            let reason = "lies in no session folder".to_owned();
            findings.push((Kind::WaveformLayout, item.path.clone(), reason));
        }
        let folder = folder_of(&item.path);
        match header {
            Some(Ok(files)) => {
                for file in files {
                    if !there.contains(format!("{folder}/{file}").as_str()) {
                        let reason = format!("names {}, which is not beside it", crate::text::shown(&file));
                        findings.push((Kind::WaveformSegmentMissing, item.path.clone(), reason));
                    }
                    named.entry(folder).or_default().insert(file);
                }
            }
            Some(Err(reason)) => findings.push((Kind::WaveformHeader, item.path.clone(), reason)),
            None => {}
        }
    }
    for item in items.iter().filter(|item| !is_header(item)) {
        let name = item.path.rsplit('/').next().unwrap_or_default();
        let beside = name
            .rsplit_once('.')
            .is_some_and(|(_, ending)| BESIDE.contains(&ending.to_lowercase().as_str()));
        if !beside
            && !named
                .get(folder_of(&item.path))
                .is_some_and(|files| files.contains(name))
        {
            let reason = "no header beside it names it".to_owned();
            findings.push((Kind::WaveformOrphan, item.path.clone(), reason));
        }
    }
    findings
}

fn is_header(item: &Item<'_>) -> bool {
    item.path.to_lowercase().ends_with(".hea")
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The files that a header names: signal files, or the headers of its segments.
fn header(path: &Path) -> Result<BTreeSet<String>, String> {
    let bytes = std::fs::File::open(path).and_then(|file| {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        file.take(HEADER_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let bytes = bytes.map_err(|e| e.kind().to_string())?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let record: Vec<&str> = lines
        .next()
        .ok_or("has no record line")?
        .split_whitespace()
        .collect();
    let name = record.first().copied().unwrap_or_default();
    let signals: usize = record
        .get(1)
        .and_then(|count| count.parse().ok())
        .ok_or("line 1: the number of signals is missing")?;
    let segments: Option<usize> = name.split_once('/').map(|(_, count)| count.parse().unwrap_or(0));
    let count = segments.unwrap_or(signals);
    let named: Vec<&str> = lines
        .take(count)
        .map(|line| line.split_whitespace().next().unwrap_or_default())
        .collect();
    if named.len() < count {
        return Err(format!(
            "names {} of {count} lines that its first line announces",
            named.len()
        ));
    }
    let file = |name: &&str| match segments {
        Some(_) => format!("{name}.hea"),
        None => (*name).to_owned(),
    };
    // `~` stands for a gap or for a signal without a file.
    Ok(named
        .iter()
        .filter(|name| **name != "~" && **name != "~.hea")
        .map(file)
        .collect())
}
