use std::fmt;

/// A table of text: named columns of equal length whose cells are text or NULL.
///
/// Equal cells that come from one cell share their text: a column is a pool of texts and one number a row. Rows and
/// columns count from 0.
#[derive(Clone, Default)]
pub struct TextTable {
    pub(super) columns: Vec<TextColumn>,
    pub(super) rows: usize,
}

/// One column of a [`TextTable`].
#[derive(Clone, Default)]
pub(super) struct TextColumn {
    pub(super) name: String,
    /// Whether the cells are whole numbers, which R formats to equal width when it makes text of them.
    pub(super) whole_numbers: bool,
    pub(super) pool: Pool,
    /// Text of each row, [`NULL`] for none.
    pub(super) cells: Vec<u32>,
}

/// Text number of a NULL cell.
pub(super) const NULL: u32 = u32::MAX;

/// Texts one behind the other in one buffer.
#[derive(Clone, Default)]
pub(super) struct Pool {
    text: String,
    ends: Vec<usize>,
}

impl Pool {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, number: u32) -> Option<&str> {
        let number = number as usize;
        let end = *self.ends.get(number)?;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        self.text.get(start..end)
    }

    pub(super) fn push(&mut self, text: &str) -> u32 {
        self.text.push_str(text);
        self.close()
    }

    /// Appends to the text being written; [`Pool::close`] ends it.
    pub(super) fn write(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Ends the text being written and tells its number.
    pub(super) fn close(&mut self) -> u32 {
        self.ends.push(self.text.len());
        (self.ends.len() - 1) as u32
    }

    /// The text being written.
    pub(super) fn open(&self) -> &str {
        &self.text[self.ends.last().copied().unwrap_or(0)..]
    }

    /// Cuts one separator off the end of the text being written.
    pub(super) fn cut(&mut self, separator: &str) {
        if !separator.is_empty() && self.open().ends_with(separator) {
            self.text.truncate(self.text.len() - separator.len());
        }
    }
}

impl TextColumn {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, cell: Option<&str>) {
        let number = cell.map_or(NULL, |text| self.pool.push(text));
        self.cells.push(number);
    }

    pub(super) fn get(&self, row: usize) -> Option<&str> {
        self.pool.get(*self.cells.get(row)?)
    }

    /// The same column with every text replaced.
    pub(super) fn map(&self, mut change: impl FnMut(&str, &mut Pool)) -> Self {
        let mut pool = Pool::default();
        for number in 0..self.pool.len() {
            change(self.pool.get(number as u32).unwrap_or_default(), &mut pool);
            pool.close();
        }
        Self {
            name: self.name.clone(),
            whole_numbers: false,
            pool,
            cells: self.cells.clone(),
        }
    }

    /// The same column with other rows; `None` is NULL.
    pub(super) fn gather(&self, rows: &[u32]) -> Self {
        let cells = rows
            .iter()
            .map(|&row| self.cells.get(row as usize).copied().unwrap_or(NULL))
            .collect();
        Self {
            name: self.name.clone(),
            whole_numbers: self.whole_numbers,
            pool: self.pool.clone(),
            cells,
        }
    }
}

impl TextTable {
    /// A table without rows.
    #[must_use]
    pub fn new<N: AsRef<str>>(names: &[N]) -> Self {
        Self {
            columns: names.iter().map(|name| TextColumn::new(name.as_ref())).collect(),
            rows: 0,
        }
    }

    /// Adds a row; missing cells are NULL, cells beyond the last column are left out.
    pub fn push_row<'t>(&mut self, cells: impl IntoIterator<Item = Option<&'t str>>) {
        let mut cells = cells.into_iter();
        for column in &mut self.columns {
            column.push(cells.next().flatten());
        }
        self.rows += 1;
    }

    /// Adds a column at the end; missing cells are NULL, cells beyond the last row are left out. In a table without
    /// columns the first one decides how many rows there are.
    pub fn push_column<'t>(&mut self, name: &str, cells: impl IntoIterator<Item = Option<&'t str>>) {
        let mut column = TextColumn::new(name);
        for cell in cells {
            column.push(cell);
        }
        if self.columns.is_empty() {
            self.rows = column.cells.len();
        }
        column.cells.resize(self.rows, NULL);
        self.columns.push(column);
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Names of the columns in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Position of the first column with this name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// A cell; `None` for NULL and for a cell the table does not have.
    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> Option<&str> {
        self.columns.get(column)?.get(row)
    }

    /// Whether a column has no value at all.
    #[must_use]
    pub fn is_empty_column(&self, column: usize) -> bool {
        self.columns
            .get(column)
            .is_none_or(|column| column.cells.iter().all(|&cell| cell == NULL))
    }

    /// Renames a column; `false` if there is none of the old name.
    pub fn rename(&mut self, old: &str, new: &str) -> bool {
        let column = self.columns.iter_mut().find(|column| column.name == old);
        column.map(|column| new.clone_into(&mut column.name)).is_some()
    }

    /// Tells that the cells of a column are whole numbers, as a source row's number is.
    pub fn set_whole_numbers(&mut self, column: usize, whole_numbers: bool) {
        if let Some(column) = self.columns.get_mut(column) {
            column.whole_numbers = whole_numbers;
        }
    }
}

impl fmt::Debug for TextTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextTable")
            .field("columns", &self.columns.len())
            .field("rows", &self.rows)
            .finish()
    }
}
