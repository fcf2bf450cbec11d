//! The brackets of a JSON value that cannot be read: where it ends, told without trusting what stands in it.
//!
//! Slow and for damaged input only. Values and escapes are not looked at; the order of brackets, names, colons and commas
//! is, since a value that was cut off or holds a quote of its own breaks it, and what follows must not be taken for a
//! part of it.

/// Where a value ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Structure {
    /// Behind its last byte.
    Closed(usize),
    /// Its brackets, names and commas are in no order JSON knows.
    Broken,
    /// The bytes end before it does.
    Open,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    Colon,
    CommaOrEnd,
}

/// Follows the value that begins at a position, however deep it is.
pub(super) fn structure(bytes: &[u8], from: usize) -> Structure {
    let mut open: Vec<u8> = Vec::new();
    let mut next = Next::Value;
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        next = match (byte, next) {
            (b' ' | b'\n' | b'\r' | b'\t', _) => {
                at += 1;
                continue;
            }
            (b'{', Next::Value | Next::ValueOrEnd) => {
                open.push(b'}');
                Next::NameOrEnd
            }
            (b'[', Next::Value | Next::ValueOrEnd) => {
                open.push(b']');
                Next::ValueOrEnd
            }
            (b'}' | b']', Next::CommaOrEnd | Next::NameOrEnd | Next::ValueOrEnd) => {
                if open.pop() != Some(byte) {
                    return Structure::Broken;
                }
                Next::CommaOrEnd
            }
            (b',', Next::CommaOrEnd) if open.last() == Some(&b'}') => Next::Name,
            (b',', Next::CommaOrEnd) => Next::Value,
            (b':', Next::Colon) => Next::Value,
            (b'"', Next::Name | Next::NameOrEnd | Next::Value | Next::ValueOrEnd) => {
                at = match string(bytes, at + 1) {
                    Structure::Closed(end) => end - 1,
                    other => return other,
                };
                match next {
                    Next::Name | Next::NameOrEnd => Next::Colon,
                    _ => Next::CommaOrEnd,
                }
            }
            (b'"' | b',' | b':' | b'{' | b'}' | b'[' | b']', _) => return Structure::Broken,
            // A number or word, whatever it says.
            (_, Next::Value | Next::ValueOrEnd) => {
                at = word_end(bytes, at) - 1;
                Next::CommaOrEnd
            }
            _ => return Structure::Broken,
        };
        at += 1;
        if open.is_empty() && next == Next::CommaOrEnd {
            return Structure::Closed(at);
        }
    }
    Structure::Open
}

/// Follows a string, its opening quote taken. One that goes on in the next line with what begins a resource was cut.
fn string(bytes: &[u8], from: usize) -> Structure {
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Structure::Closed(at + 1),
            b'\\' => at += 1,
            b'\n' if matches!(bytes.get(at + 1..at + 3), Some(b"{\"")) => return Structure::Broken,
            _ => {}
        }
        at += 1;
    }
    Structure::Open
}

fn word_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let ends = |b: &u8| {
        matches!(
            b,
            b' ' | b'\n' | b'\r' | b'\t' | b'"' | b',' | b':' | b'{' | b'}' | b'[' | b']'
        )
    };
    from + rest.iter().position(ends).unwrap_or(rest.len()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_their_brackets_do() {
        for (text, end) in [
            (r#"{"a":[1,{"b":"]}"}],"c":.15}rest"#, Structure::Closed(28)),
            (r#"{"a":NaN,"b":"\'","c":"\""} x"#, Structure::Closed(27)),
            (r#"[]"#, Structure::Closed(2)),
            (r#"{} "#, Structure::Closed(2)),
            (r#""a" x"#, Structure::Closed(3)),
            (r#"{"a":"he said "hi" to"}"#, Structure::Broken),
            (r#"{"a":1 {"b":2}}"#, Structure::Broken),
            (r#"{"a":[1}"#, Structure::Broken),
            ("{\"a\":\"cut\n{\"b\":1}", Structure::Broken),
            ("{\"a\":\n{\"b\":1}\n{\"c\":1}\n", Structure::Broken),
            (r#"{"a":"#, Structure::Open),
            (r#"{"a":"x"#, Structure::Open),
        ] {
            assert_eq!(structure(text.as_bytes(), 0), end, "{text}");
        }
    }
}
