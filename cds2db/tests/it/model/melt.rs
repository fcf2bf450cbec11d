//! Melting by the book: one step after the other over whole rows.

use table_description::TableDescription;

/// The values of one cell with what is left of their index.
pub(crate) type Cell = Vec<(Vec<u32>, String)>;

/// One row a repetition; a cell is `None` where it has no value.
pub(crate) fn melt(table: &TableDescription, cells: Vec<Cell>) -> Vec<Vec<Option<String>>> {
    let paths: Vec<Vec<&str>> = table
        .columns
        .iter()
        .map(|c| c.path().segments().collect())
        .collect();
    let cells: Vec<Cell> = cells
        .into_iter()
        .zip(&table.columns)
        .map(|(cell, column)| if column.joined { join(cell) } else { cell })
        .collect();
    let repeats = |cell: &Cell| cell.iter().any(|(index, _)| index.iter().any(|n| *n != 1));
    let meltable: Vec<&Vec<&str>> = paths
        .iter()
        .zip(&cells)
        .filter(|(_, c)| repeats(c))
        .map(|(p, _)| p)
        .collect();
    let mut rows = vec![cells.clone()];
    for step in 1..=paths.iter().map(Vec::len).max().unwrap_or(0) {
        let mut prefixes: Vec<&[&str]> = Vec::new();
        for path in meltable.iter().filter(|path| path.len() >= step) {
            if !prefixes.contains(&&path[..step]) {
                prefixes.push(&path[..step]);
            }
        }
        for prefix in prefixes {
            rows = rows
                .into_iter()
                .flat_map(|row| expand(&paths, prefix, row))
                .collect();
        }
    }
    let text = |cell: &Cell| {
        let texts: Vec<&str> = cell.iter().map(|(_, text)| text.as_str()).collect();
        (!texts.is_empty()).then(|| texts.join(" ~ "))
    };
    rows.iter().map(|row| row.iter().map(text).collect()).collect()
}

fn expand(paths: &[Vec<&str>], prefix: &[&str], row: Vec<Cell>) -> Vec<Vec<Cell>> {
    let in_group = |column: usize| paths[column].starts_with(prefix);
    let first = |(index, _): &(Vec<u32>, String)| index.first().copied().unwrap_or(1);
    let most = (0..row.len())
        .filter(|column| in_group(*column))
        .flat_map(|column| row[column].iter().map(first))
        .max();
    let Some(most) = most else {
        return vec![row];
    };
    (1..=most)
        .map(|n| {
            row.iter()
                .enumerate()
                .map(|(column, cell)| {
                    if !in_group(column) {
                        return cell.clone();
                    }
                    let here = cell.iter().filter(|value| first(value) == n);
                    here.map(|(index, text)| (index.get(1..).unwrap_or_default().to_vec(), text.clone()))
                        .collect()
                })
                .collect()
        })
        .collect()
}

/// Given names of one name in one text; all names but the last keep the blank behind them.
fn join(cell: Cell) -> Cell {
    let mut joined: Cell = Vec::new();
    for (index, text) in cell {
        match joined.last_mut() {
            Some((last, texts)) if last.first() == index.first() => {
                texts.push(' ');
                texts.push_str(&text);
            }
            _ => joined.push((index, text)),
        }
    }
    if let Some((_, others)) = joined.split_last_mut() {
        others.iter_mut().for_each(|(_, text)| text.push(' '));
    }
    joined
}
