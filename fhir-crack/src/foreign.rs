//! Bytes of a page that are no text: U+FFFD stands for them while the page is walked, and they are put back where its bytes
//! are kept.

use crate::options::ForeignBytes;
use crate::repair::Repaired;

/// A byte that is no UTF-8, or U+0000 as it is.
#[derive(Clone, Copy)]
pub(crate) struct Foreign {
    /// Where what stands for it is in the text.
    pub(crate) at: u32,
    /// Bytes of what stands for it.
    length: u8,
    byte: u8,
}

impl Foreign {
    /// What it is read as; none where it makes its resource unreadable.
    pub(crate) fn read_as(self, option: ForeignBytes) -> Option<Repaired> {
        match (self.byte, option) {
            (0, _) => Some(Repaired::Nul),
            (_, ForeignBytes::Latin1) => Some(Repaired::Latin1),
            (_, ForeignBytes::Fault) => None,
        }
    }
}

/// The bytes as text. Behind the last whole character, `last` decides whether what is left is the beginning of one, which is
/// given back, or no text.
pub(crate) fn decode(bytes: Vec<u8>, option: ForeignBytes, last: bool) -> (String, Vec<Foreign>, Vec<u8>) {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) if memchr::memchr(0, text.as_bytes()).is_none() => return (text, Vec::new(), Vec::new()),
        Ok(text) => text.into_bytes(),
        Err(wrong) => wrong.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    let mut found = Vec::new();
    let mut foreign = |text: &mut String, byte: u8| {
        let at = text.len() as u32;
        text.push(match option {
            ForeignBytes::Latin1 if byte != 0 => char::from(byte),
            _ => char::REPLACEMENT_CHARACTER,
        });
        let length = (text.len() - at as usize) as u8;
        found.push(Foreign { at, length, byte });
    };
    let mut rest = &*bytes;
    let mut tail = Vec::new();
    while !rest.is_empty() {
        let (valid, error) = match std::str::from_utf8(rest) {
            Ok(valid) => (valid, None),
            Err(error) => {
                let valid = rest.get(..error.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), Some(error))
            }
        };
        rest = rest.get(valid.len()..).unwrap_or_default();
        let mut pieces = valid.split('\0');
        text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            foreign(&mut text, 0);
            text.push_str(piece);
        }
        let Some(error) = error else { break };
        if error.error_len().is_none() && !last {
            tail = rest.to_vec();
            break;
        }
        let length = error.error_len().unwrap_or(rest.len());
        let (wrong, behind) = rest.split_at(length.min(rest.len()));
        for &byte in wrong {
            foreign(&mut text, byte);
        }
        rest = behind;
    }
    (text, found, tail)
}

/// The bytes of a piece of the text as they came.
pub(crate) fn restore(text: &str, from: usize, to: usize, foreign: &[Foreign]) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(to.saturating_sub(from));
    let mut at = from;
    let of_piece = foreign.iter().filter(|f| (from..to).contains(&(f.at as usize)));
    for one in of_piece {
        out.extend_from_slice(bytes.get(at..one.at as usize).unwrap_or_default());
        out.push(one.byte);
        at = one.at as usize + usize::from(one.length);
    }
    out.extend_from_slice(bytes.get(at..to).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        for bytes in [
            &b"plain"[..],
            b"K\xe4se \xff\xfe und \xc3\xa4",
            b"nul\0nul\0",
            b"\xf0\x9f\x98x\xed\xa0\xbd",
            b"cut \xe2\x82",
        ] {
            for option in [ForeignBytes::Fault, ForeignBytes::Latin1] {
                let (text, foreign, tail) = decode(bytes.to_vec(), option, true);
                assert_eq!(restore(&text, 0, text.len(), &foreign), bytes);
                assert!(tail.is_empty());
                let (text, foreign, tail) = decode(bytes.to_vec(), option, false);
                assert_eq!([restore(&text, 0, text.len(), &foreign), tail].concat(), bytes);
            }
        }
        let (text, ..) = decode(b"K\xe4se".to_vec(), ForeignBytes::Latin1, true);
        assert_eq!(text, "K\u{e4}se");
    }
}
