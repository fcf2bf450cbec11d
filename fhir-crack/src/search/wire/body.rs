use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::bufread::GzDecoder;
use reqwest::Response;
use tokio::sync::Semaphore;

use crate::search::error::{ErrorKind, Fault, Phase};

/// Bytes of a body that are made room for before they come.
const PLAUSIBLE: usize = 16 << 20;

/// What a body may take.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimits {
    /// Bytes, unpacked.
    pub(crate) most: usize,
    /// Bytes beside other bodies; one that takes more waits until no other one does.
    pub(crate) large: usize,
    /// Time without a byte.
    pub(crate) idle: Duration,
}

/// Reads a body to its end within its limits. Of bodies that are large, one grows at a time: `large` has one permit.
pub(crate) async fn read(
    mut response: Response,
    limits: BodyLimits,
    large: &Semaphore,
) -> Result<Bytes, Fault> {
    let BodyLimits {
        most: limit, idle, ..
    } = limits;
    let mut alone = None;
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
            Ok(Ok(None)) => {
                // Whatever is packed once more may become large.
                if alone.is_none() && body.starts_with(&GZIP) {
                    alone = large.acquire().await.ok();
                }
                let unpacked = gunzip(body.freeze(), limit);
                drop(alone);
                return unpacked;
            }
            Ok(Ok(Some(chunk))) if body.len() + chunk.len() > limit => {
                return Err(Fault::fatal(ErrorKind::TooLarge));
            }
            Ok(Ok(Some(chunk))) => {
                if alone.is_none() && body.len() + chunk.len() > limits.large {
                    alone = large.acquire().await.ok();
                }
                body.extend_from_slice(&chunk);
            }
        }
    }
}

/// What gzip begins with.
const GZIP: [u8; 2] = [0x1F, 0x8B];
/// Compressions undone one in the other, at most.
const NESTED: usize = 3;

/// Undoes gzip where the bytes are gzip, whatever the headers said: all members, each layer, zeros behind the last one left
/// out. The layers together keep to the limit.
fn gunzip(mut body: Bytes, limit: usize) -> Result<Bytes, Fault> {
    let mut room = limit;
    for _ in 0..NESTED {
        if !body.starts_with(&GZIP) {
            break;
        }
        let out = unpack(&body, room)?;
        room = room.saturating_sub(out.len() / 2);
        body = out.into();
    }
    Ok(body)
}

fn unpack(body: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut rest = body;
    while rest.iter().any(|byte| *byte != 0) {
        let room = (limit - out.len()) as u64 + 1;
        let mut member = GzDecoder::new(rest);
        let read = (&mut member).take(room).read_to_end(&mut out);
        read.map_err(|error| Fault::transient(ErrorKind::Truncated).caused_by(error))?;
        if out.len() > limit {
            return Err(Fault::fatal(ErrorKind::TooLarge));
        }
        rest = member.into_inner();
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(bytes).expect("memory");
        packer.finish().expect("memory")
    }

    #[test]
    fn members_layers_and_padding() {
        let two = [gzip(b"ab"), gzip(b"cd")].concat();
        let padded = [&*two, &[0; 100]].concat();
        for body in [two.clone(), padded, gzip(&two), gzip(&gzip(b"abcd"))] {
            let Ok(plain) = gunzip(body.into(), 1000) else {
                panic!("gzip");
            };
            assert_eq!(&*plain, b"abcd");
        }
        let cut = Bytes::from(two[..two.len() - 3].to_vec());
        assert_eq!(gunzip(cut, 1000).expect_err("cut").kind, ErrorKind::Truncated);
        for bomb in [gzip(&[b' '; 2000]), gzip(&gzip(&[b' '; 2000]))] {
            assert_eq!(
                gunzip(bomb.into(), 1000).expect_err("too large").kind,
                ErrorKind::TooLarge
            );
        }
    }
}
