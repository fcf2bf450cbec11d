//! What bytes really are, whatever the file's name says.

use std::io::Read;

use super::Rules;
use super::words;

/// Known beginnings of files that are neither text nor an allowed image.
const MAGIC: [(&[u8], &str); 9] = [
    (b"PAR1", "Parquet"),
    (b"PARE", "Parquet"),
    (b"ARROW1", "Arrow"),
    (b"FEA1", "Feather"),
    (b"PK\x03\x04", "a ZIP archive or workbook"),
    (b"\x1f\x8b", "compressed"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"%PDF", "PDF"),
    (b"\xfd7zXZ", "compressed"),
];

/// Why bytes are no text; names an identifier where the foreign format shows one.
pub(super) fn not_text(bytes: &[u8], rules: &Rules) -> Option<String> {
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        let with = words::identifier(bytes, rules)
            .map_or_else(String::new, |name| format!(" with the column {name}"));
        return Some(format!("it is {what}{with}, whatever its name says"));
    }
    if bytes.contains(&0) || std::str::from_utf8(bytes).is_err() {
        return Some("it is not text in UTF-8".to_owned());
    }
    None
}

/// The text of a gzip file, or the bytes of something else as they are; what is too large comes back empty of text, and so refused.
pub(super) fn unpacked(bytes: &[u8], most: u64) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(bytes)
        .take(most + 1)
        .read_to_end(&mut text);
    if read.is_err() || text.len() as u64 > most {
        return Some(vec![0]);
    }
    Some(text)
}
