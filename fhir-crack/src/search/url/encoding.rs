use std::fmt::Write;

/// Percent-encodes a name or value of a query or form, leaving `, : / @` as they are.
///
/// FHIR values are full of commas and colons, RFC 3986 allows them in a query, and servers' logs and URL limits
/// count them once; everything that separates pairs (`& = + # ;`) is encoded.
pub(crate) fn encode_into(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b',' | b':' | b'/' | b'@' | b'*' => out.push(char::from(byte)),
            _ => push_escaped(out, byte),
        }
    }
}

/// Undoes percent-encoding; bytes that are no UTF-8 become U+FFFD. A `+` stays a plus sign.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match escaped(bytes, at) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Encodes what no URL may hold (blanks, `|`, quotes, control and non-ASCII bytes, a `%` without two hex digits) and
/// leaves everything else as the server wrote it.
pub(crate) fn repair(link: &str) -> String {
    let bytes = link.trim().as_bytes();
    let mut out = String::with_capacity(bytes.len() + 8);
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'%' if escaped(bytes, at).is_some() => out.push('%'),
            b'%' | b' ' | b'|' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'}' => {
                push_escaped(&mut out, byte);
            }
            0x21..=0x7E => out.push(char::from(byte)),
            _ => push_escaped(&mut out, byte),
        }
    }
    out
}

/// Splits `a=b&c=d` into decoded pairs; pieces without `=` have an empty value, empty pieces are left out.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query.split('&').filter(|piece| !piece.is_empty()).map(|piece| {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        (decode(name), decode(value))
    })
}

fn push_escaped(out: &mut String, byte: u8) {
    // writing to a String cannot fail
    let _ = write!(out, "%{byte:02X}");
}

fn escaped(bytes: &[u8], at: usize) -> Option<u8> {
    if bytes[at] != b'%' {
        return None;
    }
    let high = char::from(*bytes.get(at + 1)?).to_digit(16)?;
    let low = char::from(*bytes.get(at + 2)?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values() {
        for (text, encoded) in [
            ("lt2024-05-01T10:00:00", "lt2024-05-01T10:00:00"),
            ("gt2024-05-01T10:00:00+02:00", "gt2024-05-01T10:00:00%2B02:00"),
            ("http://loinc.org|1234-5", "http://loinc.org%7C1234-5"),
            ("a,b c&d=e#f", "a,b%20c%26d%3De%23f"),
            ("Käse", "K%C3%A4se"),
        ] {
            let mut out = String::new();
            encode_into(&mut out, text);
            assert_eq!(out, encoded);
            assert_eq!(decode(&out), text);
        }
    }

    #[test]
    fn links_are_repaired_not_rewritten() {
        for (link, repaired) in [
            ("http://h/f?a=b%20c&d=e|f g", "http://h/f?a=b%20c&d=e%7Cf%20g"),
            ("http://h/f?a=100%&b=%zz", "http://h/f?a=100%25&b=%25zz"),
            ("http://h/f?a=[1]&b=c,d;e'f", "http://h/f?a=[1]&b=c,d;e'f"),
            (" ?page=2\n", "?page=2"),
        ] {
            assert_eq!(repair(link), repaired);
        }
    }

    proptest! {
        #[test]
        fn encoding_round_trips(text in "\\PC*") {
            let mut out = String::new();
            encode_into(&mut out, &text);
            prop_assert_eq!(decode(&out), text);
        }

        #[test]
        fn repairing_twice_changes_nothing(text in "\\PC*") {
            let once = repair(&text);
            prop_assert_eq!(repair(&once), once);
        }
    }
}
