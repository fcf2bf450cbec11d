use std::collections::HashMap;

use fhir_crack::Notation;
use fhir_crack::arrow::Profile;
use table_description::MeltMode;
use table_description::typing::Zone;

use crate::MeltOptions;

/// How rows become record batches.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ArrowOptions {
    /// Which types the consumer takes.
    pub profile: Profile,
    /// Whether dates and date-times have a column beside them, `NAME_precision`, that says how much was given: `year`,
    /// `month`, `day`, `minute` or `second`.
    pub precision: bool,
    /// Whether texts are dictionaries, each text once a batch, where the profile takes them.
    pub dictionaries: bool,
    /// Types of decimals.
    pub decimals: Decimals,
}

/// Types of decimals: doubles, but for the columns that are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decimals {
    /// All columns that are not named: digits in all (1 to 38) and behind the point; `None` for doubles.
    pub all: Option<(u8, u8)>,
    /// By name of the column.
    pub columns: HashMap<String, (u8, u8)>,
}

impl Decimals {
    /// Digits in all and behind the point of a column; `None` for doubles.
    #[must_use]
    pub fn of(&self, column: &str) -> Option<(u8, u8)> {
        self.columns.get(column).copied().or(self.all)
    }

    /// Whether all digits have a place: 1 to 38 in all, and not more behind the point.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let sound = |(digits, scale): &(u8, u8)| (1..=38).contains(digits) && scale <= digits;
        self.columns.values().all(sound) && self.all.as_ref().is_none_or(sound)
    }
}

/// What the rows are.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Raw rows, one a resource, cells in this notation.
    Raw(Notation),
    /// Melted rows of texts.
    Text,
    /// Melted rows of typed values, date-times as wall time of this zone.
    Typed(Zone),
    /// One row a resource; what may repeat by FHIR R4 is a list of typed values.
    Lists(Zone),
}

/// How to go over pages ([`crate::arrow::Pass`]).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PassOptions {
    /// What the rows are.
    pub rows: Rows,
    /// How repetitions become rows; `None` asks each table's description.
    pub mode: Option<MeltMode>,
    /// Most rows one resource may produce.
    pub row_limit: u64,
    /// Most rows of a record batch.
    pub batch_rows: usize,
    /// Threads that share the work.
    pub threads: usize,
    /// How rows become record batches.
    pub arrow: ArrowOptions,
    /// How pages are cracked. Rows equal to an earlier one are kept unless told otherwise, since remembering them costs
    /// memory for every row.
    pub crack: fhir_crack::Options,
}

impl PassOptions {
    /// Rows of this kind, on one thread.
    #[must_use]
    pub fn new(rows: Rows) -> Self {
        let mut crack = fhir_crack::Options::default();
        crack.duplicates = fhir_crack::Duplicates::Keep;
        Self {
            rows,
            mode: None,
            row_limit: MeltOptions::ROW_LIMIT,
            batch_rows: 1 << 14,
            threads: 1,
            arrow: ArrowOptions::default(),
            crack,
        }
    }
}
