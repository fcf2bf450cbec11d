use std::sync::Arc;

use crate::Melted;
use crate::product::GAP;

impl<'a> Melted<'a> {
    /// The child tables of these rows in mode [`table_description::MeltMode::Child`], one for each repeating element
    /// that has columns of its own, whether it has rows or not. None in other modes.
    ///
    /// A child table has one row a repetition, keyed by [`Melted::source_row`] and [`Melted::path`]; it shows the
    /// columns of the element ([`Melted::shows`]) and those of single elements below it. A repetition without any of
    /// these values has no row.
    #[must_use]
    pub fn children(&self) -> Vec<Melted<'a>> {
        let Some(0) = self.element else { return Vec::new() };
        let groups = &self.slots.groups;
        (1..groups.list.len())
            .filter(|group| groups.of_column.contains(group))
            .map(|group| self.child(group))
            .collect()
    }

    fn child(&self, group: usize) -> Melted<'a> {
        let of_column = &self.slots.groups.of_column;
        let columns: Vec<usize> = (0..of_column.len())
            .filter(|&column| of_column[column] == group)
            .collect();
        let mut rows = Vec::new();
        let range = self.slots.ranges(self.source_rows())[group].clone();
        for slot in range {
            if columns
                .iter()
                .any(|&column| self.slots.text(column, slot as u32).is_some())
            {
                let start = rows.len();
                rows.resize(start + self.width(), GAP);
                rows[start] = self.slots.source_row(group, slot) as u32;
                rows[start + group] = slot as u32;
            }
        }
        Melted {
            slots: Arc::clone(&self.slots),
            rows: Arc::new(rows),
            shown: of_column
                .iter()
                .map(|&of| (of == group).then_some(group))
                .collect(),
            left_out: Vec::new(),
            continues: false,
            element: Some(group),
        }
    }

    /// Path of the element whose repetitions the rows are; `None` for rows of resources.
    #[must_use]
    pub fn element(&self) -> Option<&str> {
        let group = self.element.filter(|&group| group != 0)?;
        Some(&self.slots.groups.list[group].prefix)
    }

    /// Which repetition a row of a child table is: one number a segment of [`Melted::element`], counted from 1. Empty
    /// for rows of resources.
    #[must_use]
    pub fn path(&self, row: usize) -> Vec<u32> {
        let group = self.element.unwrap_or(0);
        self.slots.index(group, self.slot(row, group))
    }

    /// Whether the rows show this column (counted from 0) at all.
    #[must_use]
    pub fn shows(&self, column: usize) -> bool {
        self.shown.get(column).is_some_and(Option::is_some)
    }
}
