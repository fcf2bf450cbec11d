use std::io;
use std::path::Path;

use serde::de::IgnoredAny;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Counts the resources of an NDJSON file; `None` where a line is no JSON object, as the last one of a file that
/// broke off.
pub(crate) async fn count(path: &Path) -> io::Result<Option<u64>> {
    let mut lines = 0;
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).await?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).await? == 0 {
            return Ok(Some(lines));
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        if text[0] != b'{' || serde_json::from_slice::<IgnoredAny>(text).is_err() {
            return Ok(None);
        }
        lines += 1;
    }
}

/// The lines of a small file, blank ones left out.
pub(crate) async fn lines(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    let text = tokio::fs::read(path).await?;
    Ok(text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .map(<[u8]>::to_vec)
        .collect())
}
