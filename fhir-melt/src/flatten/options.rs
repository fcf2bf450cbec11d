use table_description::MeltMode;
use table_description::typing::Zone;

use crate::MeltOptions;
use crate::write::Format;

/// How to flatten.
#[derive(Clone, Debug)]
pub struct FlattenOptions {
    /// How repetitions become rows; `None` asks each table's description.
    pub mode: Option<MeltMode>,
    /// Types the values, date-times as wall time of this zone; `None` writes the texts.
    pub zone: Option<Zone>,
    /// Where values are typed, a column `<column>_precision` behind each column of dates or date-times: `1950` is typed as
    /// 1950-01-01, and `year` beside it says so.
    pub precision: bool,
    /// Format of the outputs.
    pub format: Format,
    /// Most rows one resource may produce.
    pub row_limit: u64,
    /// Threads that share the work on bulk data in CSV or NDJSON ([`super::Flatten::read`]).
    pub threads: usize,
    /// How pages are cracked. Rows equal to an earlier one are kept unless told otherwise, since remembering them
    /// costs memory for every row.
    pub crack: fhir_crack::Options,
}

impl Default for FlattenOptions {
    fn default() -> Self {
        let mut crack = fhir_crack::Options::default();
        crack.duplicates = fhir_crack::Duplicates::Keep;
        Self {
            mode: None,
            zone: None,
            precision: false,
            format: Format::default(),
            row_limit: MeltOptions::ROW_LIMIT,
            threads: 1,
            crack,
        }
    }
}
