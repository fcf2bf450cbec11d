//! Which known word a misspelled one means.

/// The candidate nearest to `word`, if it is near enough to be what was meant.
///
/// Near enough: at most one slip (a missing, extra, wrong or swapped character) for each five characters.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let upper = word.to_uppercase();
    candidates
        .map(|c| (slips(&upper, c), c))
        .min()
        .filter(|(slips, c)| *slips <= (c.chars().count() / 5).max(1))
        .map(|(_, c)| c)
}

/// Optimal string alignment distance: rows of the usual table, the last two kept for swaps.
fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let mut cost = (last[j] + 1)
                .min(row[j - 1] + 1)
                .min(last[j - 1] + usize::from(a[i - 1] != b[j - 1]));
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (a, b, n) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "abcd", 1),
            ("abc", "xbc", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(slips(a, b), n, "{a} {b}");
        }
    }

    #[test]
    fn only_near_words_are_offered() {
        let known = ["VERBOSE", "MAX_DIR_COUNT", "DEBUG_ENCOUNTER_DATETIME"];
        let near = |w| nearest(w, known.into_iter());
        assert_eq!(near("VERBOS"), Some("VERBOSE"));
        assert_eq!(near("verbose"), Some("VERBOSE"));
        assert_eq!(
            near("DEBUG_ENCOUNTER_DATE_TIME"),
            Some("DEBUG_ENCOUNTER_DATETIME")
        );
        assert_eq!(near("SITE_NAME"), None);
    }
}
