//! What a workbook may take, found out before a reader takes memory for it.
//!
//! A file of 6 MB can unpack to 4 GB, and a number in it can ask for room for 4 billion texts. The parts are unpacked once,
//! one at a time and within a limit, and the counts that a reader believes are compared with the bytes that are there.

use std::io::{Read, Seek};
use std::sync::LazyLock;

use regex::bytes::Regex;
use zip::ZipArchive;

/// All parts together; the real workbooks have 2 MB.
const MAX_UNPACKED_BYTES: u64 = 32 << 20;
/// Sheets, drawings, relations.
const MAX_PARTS: usize = 10_000;
/// The shortest text of a workbook's list, `<si/>`, in bytes.
const LEAST_TEXT: u64 = 5;
/// Numbers of shared formulas; the reader keeps a list as long as the largest.
const MAX_SHARED_FORMULAS: u64 = 100_000;

static COUNTS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\s(uniqueCount|si)\s*=\s*["']\s*\+?(\d+)"#).ok());

/// Refuses a workbook that is larger than any description.
///
/// # Errors
/// What is too large, with the name of the part.
pub(super) fn check(source: &mut (impl Read + Seek)) -> Result<(), String> {
    let mut archive = ZipArchive::new(source).map_err(|e| e.to_string())?;
    if archive.len() > MAX_PARTS {
        return Err(format!("more than {MAX_PARTS} parts"));
    }
    let mut left = MAX_UNPACKED_BYTES;
    for number in 0..archive.len() {
        let part = archive.by_index(number).map_err(|e| e.to_string())?;
        let name = part.name().map_err(|e| e.to_string())?.escape_debug().to_string();
        let mut bytes = Vec::new();
        part.take(left + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| format!("{name}: {e}"))?;
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| format!("more than {MAX_UNPACKED_BYTES} bytes when unpacked, in {name}"))?;
        if name.ends_with(".xml") || name.ends_with(".rels") {
            part_is_honest(&bytes).map_err(|what| format!("{name}: {what}"))?;
        }
    }
    Ok(())
}

fn part_is_honest(bytes: &[u8]) -> Result<(), &'static str> {
    // In another encoding than UTF-8 the counts would not be found.
    if bytes.contains(&0) {
        return Err("no UTF-8");
    }
    let Some(counts) = &*COUNTS else { return Ok(()) };
    for found in counts.captures_iter(bytes) {
        let part = |n| {
            found
                .get(n)
                .and_then(|m| std::str::from_utf8(m.as_bytes()).ok())
                .unwrap_or_default()
        };
        let count: u64 = part(2).parse().unwrap_or(u64::MAX);
        match part(1) {
            "si" if count > MAX_SHARED_FORMULAS => return Err("too many shared formulas"),
            "uniqueCount" if count > bytes.len() as u64 / LEAST_TEXT => {
                return Err("uniqueCount is larger than the texts that are there");
            }
            _ => {}
        }
    }
    Ok(())
}
