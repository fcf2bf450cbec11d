use std::io;
use std::path::Path;

use serde::de::IgnoredAny;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Counts the resources of an NDJSON file; `None` where the last line is no JSON object, as in a file that broke off. A line
/// amid the others that is none is counted: whoever reads the file tells of it.
pub(crate) async fn count(path: &Path) -> io::Result<Option<u64>> {
    let mut lines = 0;
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).await?);
    let (mut line, mut last) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).await? == 0 {
            break;
        }
        if !line.trim_ascii().is_empty() {
            lines += 1;
            std::mem::swap(&mut line, &mut last);
        }
    }
    let last = last.trim_ascii();
    let is_whole = last.is_empty() || (last[0] == b'{' && serde_json::from_slice::<IgnoredAny>(last).is_ok());
    Ok(is_whole.then_some(lines))
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
