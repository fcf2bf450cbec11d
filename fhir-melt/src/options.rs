use table_description::{MeltMode, TableDescription};

use crate::Repeats;

/// What to do with a separator that ends a value of a melted column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TrailingSeparator {
    /// Cut it, once a level, as fhircrackr does: it cannot tell the value's end from a joint. Whether a level is
    /// melted depends on the whole table, so only tables melted in one piece equal the reference here.
    #[default]
    Cut,
    /// Keep the value as it is.
    Keep,
}

/// How to melt. [`MeltOptions::default`] gives fhircrackr's rows for a batch that holds the whole table.
#[derive(Clone, Debug)]
pub struct MeltOptions {
    /// How repetitions become rows; `None` asks the table's description.
    pub mode: Option<MeltMode>,
    /// Which elements repeat. `None` looks at the batch at hand, [`Repeats::all`] makes every row independent of its
    /// neighbours, [`Repeats::observe`] collects over the batches of a table. In mode child these elements become
    /// child tables ([`Repeats::r4`]; `None`: those and what repeats in the batch); mode aligned does not ask.
    pub repeats: Option<Repeats>,
    /// Most rows one resource may produce; a resource above it is left out ([`crate::Melted::left_out`]).
    pub row_limit: u64,
    /// Stands between values that share a cell.
    pub separator: String,
    /// What happens to a separator at the end of a value.
    pub trailing_separator: TrailingSeparator,
    /// Whether a joined name that has a successor in the resource ends in a blank (`"Marie Anne "`), as fhircrackr
    /// leaves it. The blank is part of content hashes of existing databases.
    pub joined_trailing_blank: bool,
}

impl MeltOptions {
    /// Rows a resource may produce unless told otherwise.
    pub const ROW_LIMIT: u64 = 1_000_000;

    /// Options for a table that arrives in batches: each row melts the same whatever rows stand beside it, child
    /// tables are those of FHIR R4's lists, and values keep a separator at their end. Rows and their order are
    /// fhircrackr's as long as the columns of one element stand together in the description. `mode` overrides the
    /// table's own.
    #[must_use]
    pub fn streamed(table: &TableDescription, mode: Option<MeltMode>) -> Self {
        let child = *mode.as_ref().unwrap_or(&table.melt) == MeltMode::Child;
        let repeats = if child {
            Repeats::r4(table)
        } else {
            Repeats::all(table)
        };
        Self {
            mode,
            repeats: Some(repeats),
            trailing_separator: TrailingSeparator::Keep,
            ..Self::default()
        }
    }
}

impl Default for MeltOptions {
    fn default() -> Self {
        Self {
            mode: None,
            repeats: None,
            row_limit: Self::ROW_LIMIT,
            separator: " ~ ".to_owned(),
            trailing_separator: TrailingSeparator::default(),
            joined_trailing_blank: true,
        }
    }
}
