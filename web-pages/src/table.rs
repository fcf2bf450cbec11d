//! Tables, which become one card a row on a phone.

use maud::{Markup, html};

/// A table with a caption and a head.
pub struct Table {
    caption: String,
    heads: Vec<String>,
    rows: Vec<Vec<Markup>>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(caption: impl Into<String>, heads: &[&str]) -> Self {
        Self {
            caption: caption.into(),
            heads: heads.iter().map(|head| (*head).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; cells beyond the head are not shown.
    pub fn push(&mut self, row: Vec<Markup>) {
        self.rows.push(row);
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            table.cards {
                caption { (self.caption) }
                thead { tr { @for head in &self.heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in &self.rows {
                        tr { @for (head, cell) in self.heads.iter().zip(row) { td data-label=(head) { (cell) } } }
                    }
                }
            }
        }
    }
}

impl std::fmt::Debug for Table {
    /// Leaves out the cells.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({} rows)", self.rows.len())
    }
}
