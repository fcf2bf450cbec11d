//! Pages and other texts: no word may be the name of an identifier.

use super::{Rules, content, table};

/// Why a text must not be seen.
pub(super) fn examine(bytes: &[u8], rules: &Rules) -> Option<String> {
    if let Some(why) = content::not_text(bytes, rules) {
        return Some(why);
    }
    if let Some(name) = identifier(bytes, rules) {
        return Some(format!("it names the identifier {name}"));
    }
    if let Some(why) = table::hidden_in_text(bytes, rules) {
        return Some(why);
    }
    let rows = bytes
        .windows(4)
        .filter(|w| w[..3].eq_ignore_ascii_case(b"<tr") && !w[3].is_ascii_alphanumeric())
        .count() as u64;
    if rows > rules.most_rows + 1 {
        return Some(format!(
            "its tables have {rows} rows, the most are {}",
            rules.most_rows
        ));
    }
    embedded(bytes)
}

/// Files inside a page can hold what nobody sees.
fn embedded(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("data:") {
        rest = &rest[at + 5..];
        let kind: String = rest
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "/+.-".contains(*c))
            .collect();
        let foreign = [
            "text/csv",
            "application/octet-stream",
            "application/zip",
            "application/gzip",
            "application/vnd.",
        ];
        if foreign.iter().any(|foreign| kind.starts_with(foreign)) {
            return Some(format!("it has a file of type {kind} inside"));
        }
    }
    None
}

/// The first identifier that stands as a word of its own.
pub(super) fn identifier(bytes: &[u8], rules: &Rules) -> Option<String> {
    let mut word: Vec<u8> = Vec::new();
    for byte in bytes.iter().copied().chain([b' ']) {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            word.push(byte.to_ascii_lowercase());
        } else {
            if word.len() > 3
                && let Ok(text) = std::str::from_utf8(&word)
                && rules
                    .identifiers
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(text))
            {
                return Some(text.to_owned());
            }
            word.clear();
        }
    }
    None
}
