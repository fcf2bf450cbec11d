use fhir_crack::Notation;

/// One index found in a cell: where it stands and its numbers with their dots.
#[derive(Clone, Copy)]
pub(super) struct Index<'t> {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Digits and dots between the brackets; may be empty if asked for.
    pub(super) numbers: &'t str,
}

impl<'t> Index<'t> {
    /// The first number; numbers beyond 32 bits count as the largest.
    pub(super) fn first(&self) -> u32 {
        let digits = self.numbers.split('.').next().unwrap_or_default();
        digits
            .parse()
            .unwrap_or(if digits.is_empty() { 0 } else { u32::MAX })
    }

    /// What remains when the first number and the dots behind it are cut.
    pub(super) fn rest(&self) -> &'t str {
        self.numbers
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .trim_start_matches('.')
    }

    /// Whether any number is not 1. Dots without a number between them make no such index.
    pub(super) fn repeats(&self) -> bool {
        let numbers = || self.numbers.split('.');
        numbers().all(|number| !number.is_empty())
            && numbers().any(|number| number.trim_start_matches('0') != "1")
    }
}

/// The indices of a cell from left to right, wherever they stand: an opening bracket, digits and dots beginning with
/// a digit, a closing bracket. That is the reference's notion; text that looks like an index is taken for one.
pub(super) fn indices<'t>(cell: &'t str, notation: &'t Notation) -> impl Iterator<Item = Index<'t>> {
    find(cell, notation, false)
}

/// The same, but brackets with nothing between them count too.
pub(super) fn indices_or_empty<'t>(cell: &'t str, notation: &'t Notation) -> impl Iterator<Item = Index<'t>> {
    find(cell, notation, true)
}

fn find<'t>(cell: &'t str, notation: &'t Notation, empty: bool) -> impl Iterator<Item = Index<'t>> {
    let (open, close) = (notation.open.as_str(), notation.close.as_str());
    let mut from = 0;
    std::iter::from_fn(move || {
        if open.is_empty() {
            return None;
        }
        while let Some(at) = cell.get(from..)?.find(open) {
            let start = from + at;
            let numbers = start + open.len();
            let rest = cell.get(numbers..)?;
            let len = rest
                .bytes()
                .take_while(|b| b.is_ascii_digit() || *b == b'.')
                .count();
            let starts_well = rest.bytes().next().is_some_and(|b| b.is_ascii_digit());
            if (len == 0 && empty || starts_well) && rest[len..].starts_with(close) {
                from = numbers + len + close.len();
                return Some(Index {
                    start,
                    end: from,
                    numbers: &rest[..len],
                });
            }
            from = start + open.chars().next().map_or(1, char::len_utf8);
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cell: &str, open: &str, close: &str, empty: bool) -> Vec<String> {
        let notation = Notation::new(open, close, " ~ ");
        find(cell, &notation, empty)
            .map(|i| i.numbers.to_owned())
            .collect()
    }

    #[test]
    fn indices_are_found_where_the_reference_finds_them() {
        type Case = (
            &'static str,
            (&'static str, &'static str),
            &'static [&'static str],
            &'static [&'static str],
        );
        let cases: [Case; 7] = [
            ("[1.1]a ~ [2.1]b", ("[", "]"), &["1.1", "2.1"], &["1.1", "2.1"]),
            ("[]a[ 1]", ("[", "]"), &[], &[""]),
            ("[[1]]", ("[", "]"), &["1"], &["1"]),
            ("[.1][1.]", ("[", "]"), &["1."], &["1."]),
            ("|1.2|a|3|", ("|", "|"), &["1.2", "3"], &["1.2", "3"]),
            ("<<1>>x<<2", ("<<", ">>"), &["1"], &["1"]),
            ("[1", ("[", "]"), &[], &[]),
        ];
        for (cell, (open, close), numbers, with_empty) in cases {
            assert_eq!(found(cell, open, close, false), numbers, "{cell}");
            assert_eq!(found(cell, open, close, true), with_empty, "{cell}");
        }
    }

    #[test]
    fn only_whole_indices_with_another_number_than_1_repeat() {
        for (numbers, repeats) in [
            ("1.1", false),
            ("1.2", true),
            ("10", true),
            ("2.", false),
            ("1..2", false),
        ] {
            let index = Index {
                start: 0,
                end: 0,
                numbers,
            };
            assert_eq!(index.repeats(), repeats, "{numbers}");
        }
    }

    #[test]
    fn the_first_number_and_its_dots_are_cut() {
        for (numbers, first, rest) in [
            ("2.1", 2, "1"),
            ("2", 2, ""),
            ("2..1.", 2, "1."),
            ("99999999999.3", u32::MAX, "3"),
        ] {
            let index = Index {
                start: 0,
                end: 0,
                numbers,
            };
            assert_eq!((index.first(), index.rest()), (first, rest));
        }
    }
}
