use std::collections::HashMap;

use table_description::TableDescription;

use super::{Layout, TextTable, stem};
use crate::batch::Batch;
use crate::collation;

/// A column of a wide table.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    name: String,
    index: Vec<u32>,
}

impl Key {
    /// The text all-columns tables are sorted by.
    fn sorted_by(&self) -> String {
        let numbers: Vec<String> = self.index.iter().map(u32::to_string).collect();
        format!("{} {}", self.name, numbers.join("."))
    }
}

/// One value on its way into a wide table.
struct Value<'a> {
    row: usize,
    key: Key,
    text: &'a str,
}

impl Layout {
    /// One column an index. Columns as they are met, or sorted where the description lists none; what was not found is
    /// put in front.
    pub(super) fn wide(&self, table: &TableDescription, pages: &[Batch]) -> TextTable {
        let mut keys: Vec<Key> = Vec::new();
        let mut places = HashMap::new();
        let mut rows: Vec<HashMap<usize, String>> = Vec::new();
        for page in pages {
            let mut values = self.values(table, page);
            values.retain(|value| !self.is_lost(table, &value.key.name));
            for value in &values {
                places.entry(value.key.clone()).or_insert_with(|| {
                    keys.push(value.key.clone());
                    keys.len() - 1
                });
            }
            rows.extend(self.page_rows(page.rows(), &values, &places));
        }
        let mut order: Vec<usize> = (0..keys.len()).collect();
        if table.columns.is_empty() {
            order.sort_by(|&a, &b| {
                let text = |place: usize| keys.get(place).map(Key::sorted_by).unwrap_or_default();
                collation::compare(&text(a), &text(b))
            });
        }
        let found: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        let missing = self.missing(table, &found);
        let mut names = missing.clone();
        names.extend(
            order
                .iter()
                .filter_map(|&place| keys.get(place))
                .map(|key| self.name(key)),
        );
        let laid_out = |mut row: HashMap<usize, String>| {
            let empty = std::iter::repeat_n(None, missing.len());
            empty.chain(order.iter().map(|place| row.remove(place))).collect()
        };
        TextTable {
            names,
            rows: rows.into_iter().map(laid_out).collect(),
        }
    }

    fn name(&self, key: &Key) -> String {
        let mut name = Vec::new();
        self.notation.write_index(&key.index, &mut name);
        name.extend_from_slice(key.name.as_bytes());
        String::from_utf8(name).unwrap_or_default()
    }

    /// The values of a page: column by column of the description, within one in document order.
    fn values<'p>(&self, table: &TableDescription, page: &'p Batch) -> Vec<Value<'p>> {
        let columns = &page.table().columns;
        let place = |name: &str| table.position(stem(name)).unwrap_or(usize::MAX);
        let mut order: Vec<usize> = (0..columns.len()).collect();
        order.sort_by_key(|&column| columns.get(column).map(|c| place(&c.name)));
        let mut values: Vec<(usize, usize, u32, Value<'p>)> = Vec::new();
        for column in order {
            let Some(described) = columns.get(column) else {
                continue;
            };
            for (start, (row, entry)) in page.starts(column).zip(page.entries(column)) {
                let index = self.index(described.path().as_str(), entry.index);
                let key = Key {
                    name: described.name.clone(),
                    index,
                };
                let row = row as usize;
                values.push((
                    place(&described.name),
                    row,
                    start,
                    Value {
                        row,
                        key,
                        text: entry.text,
                    },
                ));
            }
        }
        values.sort_by_key(|(place, row, start, _)| (*place, *row, *start));
        values.into_iter().map(|(.., value)| value).collect()
    }

    fn page_rows(
        &self,
        rows: usize,
        values: &[Value<'_>],
        places: &HashMap<Key, usize>,
    ) -> Vec<HashMap<usize, String>> {
        let mut cells: Vec<HashMap<usize, Vec<&str>>> = vec![HashMap::new(); rows];
        for value in values {
            if let (Some(row), Some(&place)) = (cells.get_mut(value.row), places.get(&value.key)) {
                row.entry(place).or_default().push(value.text);
            }
        }
        let shared = cells
            .iter()
            .any(|row| row.values().any(|values| values.len() > 1));
        if self.exact && shared {
            let used: Vec<usize> = values
                .iter()
                .filter_map(|value| places.get(&value.key).copied())
                .collect();
            let count = |row: &HashMap<usize, Vec<&str>>, place: usize| {
                row.get(&place).map_or(0, Vec::len).to_string()
            };
            return cells
                .iter()
                .map(|row| used.iter().map(|&place| (place, count(row, place))).collect())
                .collect();
        }
        let join = |values: Vec<&str>| values.join(&self.notation.separator);
        cells
            .into_iter()
            .map(|row| {
                row.into_iter()
                    .map(|(place, values)| (place, join(values)))
                    .collect()
            })
            .collect()
    }
}
