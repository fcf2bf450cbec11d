//! Forms of values that several keys share.

use percent_encoding::percent_decode_str;
use site_config::Reader;

/// Texts as they stand.
pub(super) fn owned(texts: Option<Vec<&str>>) -> Vec<String> {
    texts.unwrap_or_default().into_iter().map(str::to_owned).collect()
}

/// A list, or one text with the items separated by commas.
pub(super) fn comma_list(texts: Option<Vec<&str>>) -> Vec<String> {
    let items = texts.unwrap_or_default();
    items
        .iter()
        .flat_map(|t| t.split(','))
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A number that counts things in memory.
pub(super) fn index(number: Option<i64>, default: usize) -> usize {
    number.and_then(|n| usize::try_from(n).ok()).unwrap_or(default)
}

/// `YYYY-MM-DD`, `YYYY-MM-DD HH:MM` or `YYYY-MM-DD HH:MM:SS`, as a FHIR date-time without an offset.
pub(super) fn moment(r: &mut Reader<'_>, key: &str) -> Option<String> {
    let text = r.filled(key)?.trim();
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let is_time = |t: &str| t.is_empty() || t.parse::<jiff::civil::Time>().is_ok();
    if date.len() != 10 || date.parse::<jiff::civil::Date>().is_err() || !is_time(time) {
        r.fault(key, "must be YYYY-MM-DD, YYYY-MM-DD HH:MM or YYYY-MM-DD HH:MM:SS");
        return None;
    }
    Some(match time.len() {
        0 => date.to_owned(),
        5 => format!("{date}T{time}:00"),
        _ => format!("{date}T{time}"),
    })
}

/// Search parameters written as in a URL, `&name=value&name=value`, as (name, value) without percent coding; whoever
/// sends them encodes them again, once. A `+` is a plus sign, as in `2024-01-01T00:00:00+01:00`.
///
/// `None` where a part has no `=` or no name.
pub(crate) fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let decoded = |part: &str| {
        let decoded = percent_decode_str(part).decode_utf8();
        decoded.map_or_else(|_| part.to_owned(), std::borrow::Cow::into_owned)
    };
    let parts = text.trim().trim_start_matches('?').split('&');
    parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').filter(|(name, _)| !name.trim().is_empty()))
        .map(|pair| pair.map(|(name, value)| (decoded(name.trim()), decoded(value))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_sent_as_the_site_wrote_them() {
        let pairs = [
            ("&_tag=http%3A%2F%2Fx%7Cy", vec![("_tag", "http://x|y")]),
            ("_tag=http://x|y", vec![("_tag", "http://x|y")]),
            (
                "&date=ge2024-01-01T00:00:00+01:00&status:not=a%26b",
                vec![("date", "ge2024-01-01T00:00:00+01:00"), ("status:not", "a&b")],
            ),
            ("code=100%", vec![("code", "100%")]),
            ("x=a%2520b", vec![("x", "a%20b")]),
            ("x=%ff", vec![("x", "%ff")]),
            ("x=", vec![("x", "")]),
            ("", vec![]),
        ];
        for (text, expected) in pairs {
            let found = parameters(text).expect(text);
            let found: Vec<_> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(found, expected, "{text}");
        }
        for text in ["_tag", "&a=b&c", "=x"] {
            assert_eq!(parameters(text), None, "{text}");
        }
    }
}
