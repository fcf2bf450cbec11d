use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use reqwest::Response;

use super::error::{ErrorKind, Fault, Phase};

/// Bytes of a body that are made room for before they come.
const PLAUSIBLE: usize = 16 << 20;

/// Reads a body to its end: at most `limit` bytes, and never longer than `idle` without a byte.
pub(crate) async fn read(mut response: Response, limit: usize, idle: Duration) -> Result<Bytes, Fault> {
    let announced = response
        .content_length()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(0);
    if announced > limit {
        return Err(Fault::fatal(ErrorKind::TooLarge));
    }
    // what a header announces is room to take only as far as it is plausible
    let mut body = BytesMut::with_capacity(announced.min(PLAUSIBLE));
    loop {
        match tokio::time::timeout(idle, response.chunk()).await {
            Err(_) => return Err(Fault::transient(ErrorKind::Timeout(Phase::Idle))),
            Ok(Err(error)) => {
                return Err(Fault::transient(ErrorKind::Truncated).caused_by(error.without_url()));
            }
            Ok(Ok(None)) => return gunzip(body.freeze(), limit),
            Ok(Ok(Some(chunk))) if body.len() + chunk.len() > limit => {
                return Err(Fault::fatal(ErrorKind::TooLarge));
            }
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
        }
    }
}

/// Undoes gzip where the bytes are gzip, whatever the headers said.
fn gunzip(body: Bytes, limit: usize) -> Result<Bytes, Fault> {
    if !body.starts_with(&[0x1F, 0x8B]) {
        return Ok(body);
    }
    let mut out = Vec::new();
    match MultiGzDecoder::new(&*body)
        .take(limit as u64 + 1)
        .read_to_end(&mut out)
    {
        Ok(_) if out.len() > limit => Err(Fault::fatal(ErrorKind::TooLarge)),
        Ok(_) => Ok(out.into()),
        Err(error) => Err(Fault::transient(ErrorKind::Truncated).caused_by(error)),
    }
}
