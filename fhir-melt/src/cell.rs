/// Text of one slot of one column: the usual single value is borrowed from the batch, several values in one slot are
/// joined in an arena.
#[derive(Clone, Copy)]
pub(crate) enum Cell<'a> {
    Text(&'a str),
    /// Number of a joined text, [`NULL`] for no value.
    Joined(usize),
}

const NULL: usize = usize::MAX;

impl Cell<'_> {
    pub(crate) const NULL: Self = Self::Joined(NULL);

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Joined(NULL))
    }
}

/// Joined texts, one after the other in one buffer.
#[derive(Default)]
pub(crate) struct Arena {
    text: String,
    spans: Vec<(usize, usize)>,
}

impl Arena {
    pub(crate) fn get(&self, number: usize) -> Option<&str> {
        let (start, end) = *self.spans.get(number)?;
        self.text.get(start..end)
    }

    /// A new joined text.
    pub(crate) fn join<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>, separator: &str) -> usize {
        let start = self.text.len();
        for (at, text) in texts.into_iter().enumerate() {
            if at > 0 {
                self.text.push_str(separator);
            }
            self.text.push_str(text);
        }
        self.spans.push((start, self.text.len()));
        self.spans.len() - 1
    }

    /// Adds to a text that has a value already. The text at the end of the buffer grows in place, any other is moved
    /// there first, so values that arrive in order cost no copy.
    pub(crate) fn append<'a>(&mut self, cell: Cell<'a>, separator: &str, added: Cell<'a>) -> Cell<'a> {
        let number = match cell {
            Cell::Text(first) => self.join([first], ""),
            Cell::Joined(number) => number,
        };
        let Some(&(start, end)) = self.spans.get(number) else {
            return added;
        };
        let start = if end == self.text.len() {
            start
        } else {
            let moved = self.text.len();
            self.text.extend_from_within(start..end);
            moved
        };
        self.text.push_str(separator);
        match added {
            Cell::Text(text) => self.text.push_str(text),
            Cell::Joined(other) => {
                if let Some(&(from, to)) = self.spans.get(other) {
                    self.text.extend_from_within(from..to);
                }
            }
        }
        self.spans[number] = (start, self.text.len());
        Cell::Joined(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_two_words() {
        assert_eq!(size_of::<Cell<'_>>(), 16);
    }

    #[test]
    fn texts_out_of_order_are_joined_too() {
        let mut arena = Arena::default();
        let one = arena.append(Cell::Text("a"), "-", Cell::Text("b"));
        let two = arena.append(Cell::Text("x"), "-", Cell::Text("y"));
        let one = arena.append(one, "-", Cell::Text("c"));
        let one = arena.append(one, "-", two);
        let Cell::Joined(number) = one else {
            panic!("joined")
        };
        assert_eq!(arena.get(number), Some("a-b-c-x-y"));
    }
}
