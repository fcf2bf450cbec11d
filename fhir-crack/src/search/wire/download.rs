use std::path::Path;
use std::time::Duration;

use reqwest::header::CONTENT_RANGE;
use reqwest::{Response, StatusCode};
use tokio::fs::{self, OpenOptions};
use tokio::io::AsyncWriteExt;

use crate::search::disk::private;
use crate::search::error::{ErrorKind, Fault, Phase};

/// Bytes an earlier attempt left in a file; 0 where there is none.
pub(crate) async fn length(path: &Path) -> u64 {
    fs::metadata(path).await.map_or(0, |data| data.len())
}

/// Writes a body into a file, behind the `offset` bytes that are there if the server sends only the rest (206).
pub(crate) async fn save(
    mut response: Response,
    path: &Path,
    offset: u64,
    idle: Duration,
) -> Result<(), Fault> {
    let rest = response.status() == StatusCode::PARTIAL_CONTENT;
    if rest && begin(&response) != Some(offset) {
        discard(path).await?;
        return Err(Fault::transient(ErrorKind::Truncated));
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).append(rest).truncate(!rest);
    let mut file = private(&mut options).open(path).await.map_err(broken)?;
    loop {
        match tokio::time::timeout(idle, response.chunk()).await {
            Err(_) => return Err(Fault::transient(ErrorKind::Timeout(Phase::Idle))),
            Ok(Err(error)) => {
                file.flush().await.map_err(broken)?;
                return Err(Fault::transient(ErrorKind::Truncated).caused_by(error.without_url()));
            }
            Ok(Ok(Some(chunk))) => file.write_all(&chunk).await.map_err(broken)?,
            Ok(Ok(None)) => {
                file.flush().await.map_err(broken)?;
                return file.sync_all().await.map_err(broken);
            }
        }
    }
}

/// Removes a file that cannot be continued.
pub(crate) async fn discard(path: &Path) -> Result<(), Fault> {
    fs::remove_file(path).await.map_err(broken)
}

fn broken(error: std::io::Error) -> Fault {
    Fault::fatal(ErrorKind::Spool).caused_by(error)
}

/// The first byte of a partial answer, from `Content-Range: bytes 100-199/200`.
fn begin(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range
        .trim()
        .strip_prefix("bytes")?
        .trim_start()
        .split('-')
        .next()?
        .parse()
        .ok()
}
