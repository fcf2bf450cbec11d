use fhir_crack::Notation;

use super::index::indices;
use super::text_table::{NULL, Pool, TextColumn, TextTable};
use crate::error::{Error, ErrorKind};

/// Options of [`melt`]; the defaults are fhircrackr's.
#[derive(Clone, Debug)]
pub struct Melt {
    /// Brackets and separator of the cells.
    pub notation: Notation,
    /// Name of the column that gets the number of the source row, counted from 1.
    pub id_name: String,
    /// Whether the other columns are repeated beside the melted ones, and rows without an index kept.
    pub all_columns: bool,
    /// Most rows one source row may produce.
    pub row_limit: u64,
}

impl Default for Melt {
    fn default() -> Self {
        Self {
            notation: Notation::new("<", ">", " "),
            id_name: "resource_identifier".to_owned(),
            all_columns: false,
            row_limit: crate::MeltOptions::ROW_LIMIT,
        }
    }
}

/// One level of the named columns to rows (`fhir_melt`): the value with first number n goes to the n-th row of its
/// source row and loses that number; missing numbers give NULL.
///
/// An index counts wherever it stands, so text that looks like one is taken for one; melt a [`fhir_crack::Batch`] to
/// keep such text intact. A cell without an index loses its value, as in the reference. A table in which nothing is
/// melted gives no rows (without `all_columns`).
///
/// # Errors
/// A column the table does not have, or a row that exceeds the row limit.
pub fn melt(table: &TextTable, columns: &[&str], options: &Melt) -> Result<TextTable, Error> {
    let known = |name: &&str| {
        table
            .position(name)
            .ok_or_else(|| Error::new(ErrorKind::UnknownColumn, name))
    };
    let listed = columns.iter().map(known).collect::<Result<Vec<usize>, Error>>()?;
    let splits: Vec<Split> = listed
        .iter()
        .map(|&column| Split::new(&table.columns[column].pool, &options.notation))
        .collect();
    let melted = Expansion::new(table, &listed, &splits, options)?;

    let mut split_columns: Vec<TextColumn> = Vec::with_capacity(listed.len());
    for (&column, split) in listed.iter().zip(splits) {
        let column = &table.columns[column];
        let cells = melted.cells(column, &split);
        split_columns.push(TextColumn {
            name: column.name.clone(),
            whole_numbers: false,
            pool: split.pool,
            cells,
        });
    }
    let mut result = TextTable {
        columns: Vec::new(),
        rows: melted.sources.len(),
    };
    let id = melted.source_numbers(&options.id_name);
    if !options.all_columns {
        result.columns.push(id);
        result.columns.append(&mut split_columns);
        return Ok(result);
    }
    let mut places: Vec<Option<usize>> = vec![None; table.columns.len()];
    for (place, &column) in listed.iter().enumerate() {
        places[column] = Some(place);
    }
    for (column, place) in table.columns.iter().zip(places) {
        result.columns.push(match place {
            Some(place) => split_columns[place].clone(),
            None => column.gather(&melted.sources),
        });
    }
    match result.position(&options.id_name) {
        Some(place) => result.columns[place] = id,
        None => result.columns.push(id),
    }
    Ok(result)
}

/// What every text of a pool splits into: texts by row number.
struct Split {
    pool: Pool,
    /// For each text the range of its parts in `parts`; one more at the end.
    first: Vec<usize>,
    /// Row number and text, numbers ascending.
    parts: Vec<(u32, u32)>,
}

impl Split {
    fn new(texts: &Pool, notation: &Notation) -> Self {
        let mut split = Self {
            pool: Pool::default(),
            first: vec![0],
            parts: Vec::new(),
        };
        for number in 0..texts.len() {
            split.add(texts.get(number as u32).unwrap_or_default(), notation);
            split.first.push(split.parts.len());
        }
        split
    }

    fn add(&mut self, cell: &str, notation: &Notation) {
        let found: Vec<_> = indices(cell, notation).collect();
        if found.is_empty() {
            return;
        }
        let behind =
            |at: usize| &cell[found[at].end..found.get(at + 1).map_or(cell.len(), |next| next.start)];
        let before = &cell[..found[0].start];
        // Text before the first index shifts the texts against the indices, which R recycles.
        let texts: Vec<&str> = (!before.is_empty())
            .then_some(before)
            .into_iter()
            .chain((0..found.len()).map(behind))
            .collect();
        let mut rows: Vec<u32> = found
            .iter()
            .map(|index| index.first())
            .filter(|&row| row > 0)
            .collect();
        rows.sort_unstable();
        rows.dedup();
        for row in rows {
            for (at, text) in texts.iter().enumerate() {
                let index = &found[at % found.len()];
                if index.first() == row {
                    self.pool.write(&notation.open);
                    self.pool.write(index.rest());
                    self.pool.write(&notation.close);
                    self.pool.write(text);
                }
            }
            self.pool.cut(&notation.separator);
            let text = self.pool.close();
            self.parts.push((row, text));
        }
    }

    fn parts(&self, text: u32) -> &[(u32, u32)] {
        match (self.first.get(text as usize), self.first.get(text as usize + 1)) {
            (Some(&from), Some(&to)) => &self.parts[from..to],
            _ => &[],
        }
    }
}

/// Which rows a melt gives.
struct Expansion {
    /// Source row of every row.
    sources: Vec<u32>,
    /// Number of every row within its source row, counted from 1.
    numbers: Vec<u32>,
}

impl Expansion {
    fn new(table: &TextTable, listed: &[usize], splits: &[Split], options: &Melt) -> Result<Self, Error> {
        let mut expansion = Self {
            sources: Vec::new(),
            numbers: Vec::new(),
        };
        for row in 0..table.rows {
            let last = listed.iter().zip(splits).filter_map(|(&column, split)| {
                split
                    .parts(table.columns[column].cells[row])
                    .last()
                    .map(|&(number, _)| number)
            });
            let rows = last.max().unwrap_or(u32::from(options.all_columns));
            if u64::from(rows) > options.row_limit {
                return Err(Error::row(ErrorKind::TooManyRows, row));
            }
            expansion
                .sources
                .extend(std::iter::repeat_n(row as u32, rows as usize));
            expansion.numbers.extend(1..=rows);
        }
        Ok(expansion)
    }

    fn cells(&self, column: &TextColumn, split: &Split) -> Vec<u32> {
        let mut parts: &[(u32, u32)] = &[];
        let mut cells = Vec::with_capacity(self.sources.len());
        for (&source, &number) in self.sources.iter().zip(&self.numbers) {
            if number == 1 {
                parts = split.parts(column.cells[source as usize]);
            }
            cells.push(match parts.split_first() {
                Some((&(row, text), rest)) if row == number => {
                    parts = rest;
                    text
                }
                _ => NULL,
            });
        }
        cells
    }

    fn source_numbers(&self, name: &str) -> TextColumn {
        let mut column = TextColumn {
            whole_numbers: true,
            ..TextColumn::new(name)
        };
        let mut last = None;
        for &source in &self.sources {
            if last != Some(source) {
                column.pool.push(&(u64::from(source) + 1).to_string());
                last = Some(source);
            }
            column.cells.push((column.pool.len() - 1) as u32);
        }
        column
    }
}
