/// What a flattening wrote.
#[derive(Clone, Debug)]
pub struct FlattenSummary {
    /// What became of the resources.
    pub crack: fhir_crack::Summary,
    /// The outputs, child tables behind their table.
    pub tables: Vec<FlattenedTable>,
    /// Values left out or changed, and resources above the row limit.
    pub defects: u64,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlattenedTable {
    /// File name of the output.
    pub file: String,
    /// Rows written.
    pub rows: u64,
}
