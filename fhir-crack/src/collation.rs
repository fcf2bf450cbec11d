//! The order of names R sorts by: the root collation of Unicode for ASCII texts.
//!
//! Signs before digits before letters; case only decides between texts that are the same otherwise, small letters first.
//!
//! Source: <https://www.unicode.org/reports/tr35/tr35-collation.html#Root_Collation>.

use std::cmp::Ordering;

/// Signs from the lowest to the highest.
const SIGNS: &[u8] = b" _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";

/// Compares two texts; characters beyond ASCII follow all others, by code point.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let first = |text: &str| text.chars().map(weight).collect::<Vec<_>>();
    let case = |text: &str| text.chars().map(|c| c.is_ascii_uppercase()).collect::<Vec<_>>();
    first(a)
        .cmp(&first(b))
        .then_with(|| case(a).cmp(&case(b)))
        .then_with(|| a.cmp(b))
}

fn weight(c: char) -> u32 {
    if let Some(place) = SIGNS.iter().position(|&sign| char::from(sign) == c) {
        return place as u32;
    }
    let letters = SIGNS.len() as u32 + 10;
    match c {
        '0'..='9' => SIGNS.len() as u32 + c.to_digit(10).unwrap_or_default(),
        'a'..='z' | 'A'..='Z' => letters + (c.to_ascii_lowercase() as u32 - 'a' as u32),
        _ => letters + 26 + c as u32,
    }
}
