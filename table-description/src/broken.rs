//! Cells that a spreadsheet program could not work out.

/// What such a program shows where a formula failed.
const ERRORS: [&str; 12] = [
    "#NAME?",
    "#N/A",
    "#REF!",
    "#VALUE!",
    "#DIV/0!",
    "#NUM!",
    "#NULL!",
    "#SPILL!",
    "#CALC!",
    "#FIELD!",
    "#BLOCKED!",
    "#GETTING_DATA",
];

/// A cell whose value is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Place of the cell in its row, counted from 0.
    pub(crate) column: usize,
    /// What stands there instead of a value.
    pub(crate) what: String,
}

impl Broken {
    /// The cell as a spreadsheet names it, such as `C7`, and what is wrong with it.
    pub(crate) fn expected(&self, row: usize) -> String {
        format!("a value in cell {}{row}, not {}", letters(self.column), self.what)
    }
}

/// Whether a text is what a spreadsheet program shows for an error.
pub(crate) fn is_error(text: &str) -> bool {
    ERRORS.contains(&text.trim())
}

/// The letters of a column counted from 0: `A`, `Z`, `AA`.
fn letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + u8::try_from(column % 26).unwrap_or_default()));
        if column < 26 {
            return letters.iter().rev().collect();
        }
        column = column / 26 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_named_as_spreadsheets_do() {
        for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")] {
            assert_eq!(letters(column), name);
        }
        assert!(is_error(" #N/A ") && !is_error("# N/A") && !is_error("#comment"));
    }
}
