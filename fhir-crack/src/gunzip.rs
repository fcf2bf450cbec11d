//! One layer of gzip: members one behind the other, and zeros that pad them to the size of a block.

use std::io::{self, Write};

use flate2::write::GzDecoder;

/// A layer that is told by its first two bytes; what is no gzip passes as it is.
#[derive(Default)]
pub(crate) struct Gunzip(State);

#[derive(Default)]
enum State {
    #[default]
    Unknown,
    /// The first of the two bytes that mark compressed data.
    Half,
    No,
    Member(Box<GzDecoder<Vec<u8>>>),
    /// Behind a member.
    Between,
}

/// The two bytes that begin a member.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

impl Gunzip {
    /// Whether the bytes are compressed, as far as is known.
    pub(crate) fn is_compressed(&self) -> bool {
        !matches!(self.0, State::Unknown | State::No)
    }

    /// Whether these bytes, the next ones, pass as they are, as all that follow.
    pub(crate) fn passes(&mut self, bytes: &[u8]) -> bool {
        if matches!(self.0, State::Unknown) && bytes.first().is_some_and(|first| *first != MAGIC[0]) {
            self.0 = State::No;
        }
        matches!(self.0, State::No)
    }

    /// Takes bytes and appends what they are of, also what comes before a fault.
    pub(crate) fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        while let Some((&first, rest)) = bytes.split_first() {
            match &mut self.0 {
                State::Unknown if first == MAGIC[0] => {
                    self.0 = State::Half;
                    bytes = rest;
                }
                State::Unknown => self.0 = State::No,
                State::Half if first == MAGIC[1] => self.0 = member(&MAGIC[..1])?,
                State::Half => {
                    out.push(MAGIC[0]);
                    self.0 = State::No;
                }
                State::No => {
                    out.extend_from_slice(bytes);
                    return Ok(());
                }
                State::Between if first == 0 => bytes = rest,
                State::Between => self.0 = member(&[])?,
                State::Member(decoder) => {
                    let taken = decoder.write(bytes);
                    out.append(decoder.get_mut());
                    let taken = taken?;
                    bytes = bytes.get(taken..).unwrap_or_default();
                    if taken == 0 {
                        self.end_member(out)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn end_member(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        match std::mem::replace(&mut self.0, State::Between) {
            State::Member(mut decoder) => {
                let whole = decoder.try_finish();
                out.append(decoder.get_mut());
                whole
            }
            other => {
                self.0 = other;
                Ok(())
            }
        }
    }

    /// Appends what is left at the end.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if matches!(self.0, State::Half) {
            out.push(MAGIC[0]);
        }
        self.end_member(out)
    }
}

fn member(taken: &[u8]) -> io::Result<State> {
    let mut decoder = Box::new(GzDecoder::new(Vec::new()));
    decoder.write_all(taken)?;
    Ok(State::Member(decoder))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    }

    fn plain(bytes: &[u8], piece: usize) -> io::Result<Vec<u8>> {
        let (mut layer, mut out) = (Gunzip::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            layer.push(piece, &mut out)?;
        }
        layer.finish(&mut out)?;
        Ok(out)
    }

    #[test]
    fn members_and_padding() {
        let text = vec![b'x'; 10_000];
        let member = gzip(&text);
        let two = [&*member, &*gzip(b"y")].concat();
        let padded = [&*member, &[0; 600]].concat();
        let between = [&*member, &[0; 3], &*gzip(b"y"), &[0]].concat();
        let with_y = [&*text, b"y"].concat();
        for piece in [1, 2, 7, 100_000] {
            for (bytes, expected) in [
                (&member, &text),
                (&two, &with_y),
                (&padded, &text),
                (&between, &with_y),
                (&b"{}".to_vec(), &b"{}".to_vec()),
                (&vec![0x1f], &vec![0x1f]),
                (&Vec::new(), &Vec::new()),
            ] {
                assert_eq!(&plain(bytes, piece).expect("whole"), expected);
            }
            for bad in [&member[..member.len() - 1], &[&*member, b"x"].concat()] {
                assert!(plain(bad, piece).is_err());
            }
        }
    }
}
