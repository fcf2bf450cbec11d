use polars::prelude::StringChunked;

/// The cells of a column, and of each whether it surely repeats the one before: melted rows repeat most texts, and the
/// file's dictionary gives those the same place in memory, so no text is compared.
pub(crate) fn with_repeats(texts: &StringChunked) -> impl Iterator<Item = (Option<&str>, bool)> {
    texts.downcast_iter().flat_map(|array| {
        let mut last = None;
        array.iter().zip(array.views().iter()).map(move |(cell, view)| {
            let place = Some(cell.map(|_| *view));
            let repeats = last == place;
            last = place;
            (cell, repeats)
        })
    })
}

#[cfg(test)]
mod tests {
    use polars::prelude::NewChunkedArray;

    use super::*;

    #[test]
    fn what_is_said_to_repeat_is_equal() {
        let long = "a text of more than twelve bytes";
        let texts = [
            Some("a"),
            Some("a"),
            None,
            None,
            Some("a"),
            Some(long),
            Some("b"),
            Some("b"),
            Some(""),
        ];
        let mut column = StringChunked::from_iter_options("".into(), texts.into_iter());
        column
            .append(&StringChunked::from_iter_options(
                "".into(),
                [Some(""), Some("b")].into_iter(),
            ))
            .unwrap();
        let found: Vec<_> = with_repeats(&column).collect();
        assert_eq!(found.len(), 11);
        let repeats: Vec<usize> = (0..11).filter(|&i| found[i].1).collect();
        // Not across pieces, whose texts lie in other places.
        assert_eq!(repeats, [1, 3, 7]);
        assert!(repeats.iter().all(|&i| found[i].0 == found[i - 1].0));
        assert_eq!(found[9].0, Some(""));
    }
}
