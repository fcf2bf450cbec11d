use std::cmp::Ordering;

/// ASCII in the order of ICU's root collation; letters that differ in case only stand together, lower case first.
const ORDER: &str =
    "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ";

/// Compares names as R does (ICU root collation): case decides only between texts that are equal otherwise.
///
/// Exact for ASCII, which names of FHIR elements and indices are; other characters follow by code point.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let primary = |text: &str| {
        text.chars()
            .map(|c| rank(c.to_ascii_lowercase()))
            .collect::<Vec<_>>()
    };
    let case = |text: &str| text.chars().map(rank).collect::<Vec<_>>();
    primary(a).cmp(&primary(b)).then_with(|| case(a).cmp(&case(b)))
}

fn rank(c: char) -> u32 {
    ORDER.find(c).map_or(u32::from(c) + 1_000, |at| at as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_icu_orders_them() {
        let sorted = [
            "[1.1]a", "[1.10]a", "[1.2]a", "[1]a", "[10]a", "[2]a", "a.B", "a.b.c", "aa", "A.c",
        ];
        let mut names = sorted;
        names.reverse();
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(
            names,
            [
                "[1.1]a", "[1.10]a", "[1.2]a", "[1]a", "[10]a", "[2]a", "a.B", "a.b.c", "A.c", "aa"
            ]
        );
    }
}
