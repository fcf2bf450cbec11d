use super::grid::Grid;
use crate::product::GAP;

/// How cells become text.
pub(super) trait RowText {
    /// Appends the cells of these columns with separators between them; the row shows this slot of their group.
    fn cells(&self, grid: Grid<'_>, row: usize, slot: u32, columns: &[usize], out: &mut Vec<u8>);
    /// Appends what stands before the first cell of a row.
    fn open(&self, out: &mut Vec<u8>);
    /// Appends what ends a row.
    fn close(&self, out: &mut Vec<u8>);
    /// Whether cells that left nothing get no separator either.
    const SKIPS_NULL: bool;
}

/// Columns that stand side by side and change together.
struct Run {
    columns: Vec<usize>,
    group: usize,
    /// The slot written last and where its text is.
    last: (u32, Written),
    /// First slot of the rows at hand, and where the text of each slot is.
    base: usize,
    written: Vec<Written>,
}

/// A piece of the output, by its distance from the very start.
#[derive(Clone, Copy)]
struct Written {
    start: u64,
    len: u64,
}

/// Not written so far.
const NEVER: Written = Written {
    start: u64::MAX,
    len: 0,
};

/// Bytes of output after which it is handed to the sink.
pub(super) const FULL: usize = 1 << 18;

/// Writes rows as text. The cells of one repetition that stand side by side are formatted once and copied for every
/// other row that shows it, as long as their text has not left the buffer.
pub(super) struct RowWriter {
    pub(super) out: Vec<u8>,
    /// Bytes of output after which it is handed on.
    pub(super) full: usize,
    /// Bytes that left the buffer.
    gone: u64,
}

impl Default for RowWriter {
    fn default() -> Self {
        Self {
            out: Vec::new(),
            full: FULL,
            gone: 0,
        }
    }
}

impl RowWriter {
    /// Takes the output out of the buffer.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.gone += self.out.len() as u64;
        let room = Vec::with_capacity(self.out.len());
        std::mem::replace(&mut self.out, room)
    }

    /// Writes all rows of a grid; `keys` writes what stands before the first column.
    pub(super) fn write<T: RowText, E>(
        &mut self,
        text: &T,
        grid: Grid<'_>,
        mut keys: impl FnMut(usize, &mut Vec<u8>) -> bool,
        mut full: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let melted = grid.melted();
        let mut runs = runs(grid);
        for row in 0..melted.rows() {
            text.open(&mut self.out);
            let mut separate = keys(row, &mut self.out);
            for run in &mut runs {
                let before = self.out.len();
                if separate {
                    self.out.push(b',');
                }
                let start = self.out.len();
                self.run(text, grid, row, run);
                if T::SKIPS_NULL && self.out.len() == start {
                    self.out.truncate(before);
                } else {
                    separate = true;
                }
            }
            text.close(&mut self.out);
            if self.out.len() >= self.full {
                full(&self.out)?;
                self.gone += self.out.len() as u64;
                self.out.clear();
            }
        }
        Ok(())
    }

    fn run<T: RowText>(&mut self, text: &T, grid: Grid<'_>, row: usize, run: &mut Run) {
        let slot = grid.melted().slot(row, run.group);
        if slot == run.last.0 && self.copy(run.last.1) {
            return;
        }
        let at = (slot as usize).wrapping_sub(run.base);
        let known = run.written.get(at).copied().unwrap_or(NEVER);
        if known.start != NEVER.start && self.copy(known) {
            run.last = (slot, known);
            return;
        }
        let start = self.out.len();
        text.cells(grid, row, slot, &run.columns, &mut self.out);
        let written = Written {
            start: self.gone + start as u64,
            len: (self.out.len() - start) as u64,
        };
        run.last = (slot, written);
        if let Some(place) = run.written.get_mut(at) {
            *place = written;
        }
    }

    /// Repeats a piece of the output; `false` if it has left the buffer.
    fn copy(&mut self, piece: Written) -> bool {
        let Some(start) = piece
            .start
            .checked_sub(self.gone)
            .and_then(|start| usize::try_from(start).ok())
        else {
            return false;
        };
        let end = start.saturating_add(piece.len as usize);
        if end > self.out.len() {
            return false;
        }
        self.out.extend_from_within(start..end);
        true
    }
}

fn runs(grid: Grid<'_>) -> Vec<Run> {
    let melted = grid.melted();
    let mut runs: Vec<Run> = Vec::new();
    for (column, group) in melted.shown.iter().enumerate() {
        let Some(group) = *group else { continue };
        match runs.last_mut() {
            Some(run) if run.group == group => run.columns.push(column),
            _ => runs.push(Run {
                columns: vec![column],
                group,
                last: (GAP, NEVER),
                base: 0,
                written: Vec::new(),
            }),
        }
    }
    let ranges = melted.slots.ranges(melted.source_rows());
    for run in &mut runs {
        // Resources come one after the other and need no memory but for the last.
        if run.group != 0 {
            run.base = ranges[run.group].start;
            run.written = vec![NEVER; ranges[run.group].len()];
        }
    }
    runs
}
