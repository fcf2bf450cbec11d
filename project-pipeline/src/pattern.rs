//! Output patterns: paths in which `*` stands for any characters but `/`.

use unicode_normalization::UnicodeNormalization;

/// Whether `path` is one of those that `pattern` stands for.
#[must_use]
pub fn matches(pattern: &str, path: &str) -> bool {
    let (mut p, mut t) = (pattern.split('/'), path.split('/'));
    loop {
        match (p.next(), t.next()) {
            (None, None) => return true,
            (Some(p), Some(t)) if matches_name(p.as_bytes(), t.as_bytes()) => {}
            _ => return false,
        }
    }
}

/// `*` against one name; goes back to the last `*` only, so the time is at most the product of the lengths.
fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        // A `*` in the text is an ordinary character: it stands for itself or is taken up by a `*` of the pattern.
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p) == Some(&name[n]) {
            p += 1;
            n += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, n) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Whether every path of `inner` is surely one of `outer`: `inner` is a literal or a narrower pattern.
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    matches(outer, inner)
}

/// Whether some path belongs to both patterns.
pub(crate) fn meet(a: &str, b: &str) -> bool {
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split('/').collect(), b.split('/').collect());
    a.len() == b.len()
        && a.iter()
            .zip(&b)
            .all(|(a, b)| names_meet(a.as_bytes(), b.as_bytes()))
}

fn names_meet(a: &[u8], b: &[u8]) -> bool {
    // reach[j]: some text fits a[..i] and b[..j].
    let mut reach = vec![false; b.len() + 1];
    reach[0] = true;
    for j in 0..b.len() {
        reach[j + 1] = reach[j] && b[j] == b'*';
    }
    for &c in a {
        let mut next = vec![false; b.len() + 1];
        next[0] = reach[0] && c == b'*';
        for (j, &d) in b.iter().enumerate() {
            next[j + 1] = if c == b'*' || d == b'*' {
                reach[j + 1] || next[j]
            } else {
                reach[j] && c == d
            };
        }
        reach = next;
    }
    reach[b.len()]
}

/// The path as a file system that ignores case and composes accents sees it.
pub(crate) fn folded(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    path.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_in_its_folder() {
        for (pattern, path, fits) in [
            ("o/*.csv", "o/a.csv", true),
            ("o/*.csv", "o/.csv", true),
            ("o/*.csv", "o/a/b.csv", false),
            ("o/t.csv", "o/t.csv_raw.csv", false),
            ("o/m_*_r*.csv", "o/m_a_b_rate.csv", true),
            ("*/a*b*c.x", "q/aXbYbZc.x", true),
            ("*/a*b*c.x", "q/aXbYbZ.x", false),
            ("a.csv", "A.csv", false),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_meet_where_a_text_fits_both() {
        // Every pair of short patterns against every short text.
        let all = |letters: &[u8], longest: usize| {
            let mut texts = vec![Vec::new()];
            let mut from = 0;
            for _ in 0..longest {
                let to = texts.len();
                for at in from..to {
                    for c in letters {
                        let mut text = texts[at].clone();
                        text.push(*c);
                        texts.push(text);
                    }
                }
                from = to;
            }
            texts
        };
        let patterns = all(b"ab*", 3);
        let texts = all(b"ab", 6);
        for a in &patterns {
            for b in &patterns {
                let fits = texts.iter().any(|t| matches_name(a, t) && matches_name(b, t));
                assert_eq!(
                    names_meet(a, b),
                    fits,
                    "{} {}",
                    String::from_utf8_lossy(a),
                    String::from_utf8_lossy(b)
                );
            }
        }
    }

    #[test]
    fn folding_ignores_case_and_composition() {
        assert_eq!(folded("O/É.csv"), folded("o/e\u{301}.CSV"));
        assert_ne!(folded("o/a.csv"), folded("o/b.csv"));
    }
}
