use std::collections::VecDeque;

use encoding_rs::{DecoderResult, Encoding};

use crate::error::{Error, ErrorKind};
use crate::gunzip::Gunzip;

/// Turns the bytes of a page into UTF-8: decompresses, drops the byte-order mark, transcodes what an XML declaration or a
/// byte-order mark says is something else.
#[derive(Default)]
pub(crate) struct Input {
    /// Compressed once, or twice as by a server and again by a proxy.
    layers: [Gunzip; 2],
    /// What the first layer gave and the second has not taken.
    between: VecDeque<u8>,
    encoding: Coding,
    /// Plain bytes from which the encoding is not yet known.
    head: Vec<u8>,
}

#[derive(Default)]
enum Coding {
    #[default]
    Unknown,
    Utf8,
    Other(Box<encoding_rs::Decoder>),
}

/// Compressed bytes taken at a time: they become at most about 1,030 times as many.
pub(crate) const COMPRESSED: usize = 4096;
/// Bytes within which an XML declaration has to end.
const DECLARATION: usize = 512;

impl Input {
    /// Whether the bytes are compressed, as far as is known.
    pub(crate) fn is_compressed(&self) -> bool {
        self.layers[0].is_compressed()
    }

    /// Takes bytes of the page and appends their text, also that before a fault. At most [`COMPRESSED`] at a time if the page is compressed; then
    /// [`Input::more`] until it has nothing left.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if self.layers[0].passes(bytes) {
            return self.plain(bytes, out);
        }
        let mut once = Vec::new();
        let pushed = self.layers[0].push(bytes, &mut once).map_err(gzip);
        if self.layers[1].passes(&once) && self.between.is_empty() {
            return self.plain(&once, out).and(pushed);
        }
        self.between.extend(once);
        if pushed.is_err() {
            while self.more(out)? {}
        }
        pushed
    }

    /// Goes on with what the last bytes were of: `true` as long as there is more of it.
    pub(crate) fn more(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        let some: Vec<u8> = self.between.drain(..self.between.len().min(COMPRESSED)).collect();
        if some.is_empty() {
            return Ok(false);
        }
        let mut twice = Vec::new();
        let pushed = self.layers[1].push(&some, &mut twice).map_err(gzip);
        self.plain(&twice, out)?;
        pushed.map(|()| true)
    }

    fn plain(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        match &mut self.encoding {
            Coding::Utf8 => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Coding::Other(decoder) => transcode(decoder, bytes, out, false),
            // A whole page needs no copy to look at its beginning.
            Coding::Unknown if self.head.is_empty() && bytes.len() >= DECLARATION => {
                if let Some((coding, mark)) = sniff(bytes, true)? {
                    self.encoding = coding;
                    return self.plain(bytes.get(mark..).unwrap_or_default(), out);
                }
                self.head.extend_from_slice(bytes);
                Ok(())
            }
            Coding::Unknown => {
                self.head.extend_from_slice(bytes);
                self.sniff_encoding(out, false)
            }
        }
    }

    /// Decides on the encoding once enough of the page is there.
    fn sniff_encoding(&mut self, out: &mut Vec<u8>, last: bool) -> Result<(), Error> {
        let Some((coding, mark)) = sniff(&self.head, last)? else {
            return Ok(());
        };
        let head = std::mem::take(&mut self.head);
        self.encoding = coding;
        self.plain(head.get(mark..).unwrap_or_default(), out)
    }

    /// Appends what is left at the end of the page.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut once = Vec::new();
        let whole = self.layers[0].finish(&mut once).map_err(gzip);
        self.between.extend(once);
        while self.more(out)? {}
        let mut twice = Vec::new();
        let whole = whole.and(self.layers[1].finish(&mut twice).map_err(gzip));
        self.plain(&twice, out)?;
        if matches!(self.encoding, Coding::Unknown) {
            self.sniff_encoding(out, true)?;
        }
        if let Coding::Other(decoder) = &mut self.encoding {
            transcode(decoder, &[], out, true)?;
        }
        *self = Self::default();
        whole
    }
}

fn gzip(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Gzip).because(error)
}

/// The encoding of a page by its first bytes, and the length of its byte-order mark; `None` where more bytes could tell.
fn sniff(head: &[u8], last: bool) -> Result<Option<(Coding, usize)>, Error> {
    let mut mark = 0;
    let other = match Encoding::for_bom(head) {
        Some((encoding, length)) => {
            mark = length;
            (encoding != encoding_rs::UTF_8).then_some(encoding)
        }
        None if head.len() < 4 && !last => return Ok(None),
        None if matches!(head, [b'<' | b'{' | b'[', 0, second, 0, ..] if *second != 0) => {
            Some(encoding_rs::UTF_16LE)
        }
        None if matches!(head, [0, b'<' | b'{' | b'[', 0, second, ..] if *second != 0) => {
            Some(encoding_rs::UTF_16BE)
        }
        None if head.starts_with(b"<?xm") => match memchr::memmem::find(head, b"?>") {
            None if head.len() < DECLARATION && !last => return Ok(None),
            end => declared(head.get(..end.unwrap_or(0)).unwrap_or_default())?,
        },
        None => None,
    };
    let coding = match other {
        Some(encoding) => Coding::Other(Box::new(encoding.new_decoder_without_bom_handling())),
        None => Coding::Utf8,
    };
    Ok(Some((coding, mark)))
}

/// The encoding an XML declaration names, if it is not UTF-8.
fn declared(declaration: &[u8]) -> Result<Option<&'static Encoding>, Error> {
    let Some(at) = memchr::memmem::find(declaration, b"encoding") else {
        return Ok(None);
    };
    let rest = declaration.get(at + b"encoding".len()..).unwrap_or_default();
    let mut quoted = rest.split(|b| matches!(b, b'"' | b'\''));
    let label = quoted.nth(1).unwrap_or_default();
    match Encoding::for_label(label) {
        None => Err(Error::new(ErrorKind::Encoding)),
        // The declaration was read as single bytes, so it cannot be in the encoding it names.
        Some(e) if e == encoding_rs::UTF_8 || e == encoding_rs::UTF_16LE || e == encoding_rs::UTF_16BE => {
            Ok(None)
        }
        Some(encoding) => Ok(Some(encoding)),
    }
}

fn transcode(
    decoder: &mut encoding_rs::Decoder,
    mut bytes: &[u8],
    out: &mut Vec<u8>,
    last: bool,
) -> Result<(), Error> {
    let mut text = String::new();
    loop {
        let room = decoder
            .max_utf8_buffer_length_without_replacement(bytes.len())
            .unwrap_or(bytes.len());
        text.reserve(room.max(16));
        let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, last);
        bytes = bytes.get(read..).unwrap_or_default();
        match result {
            DecoderResult::InputEmpty => break,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                out.extend_from_slice(text.as_bytes());
                return Err(Error::new(ErrorKind::Encoding));
            }
        }
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}
