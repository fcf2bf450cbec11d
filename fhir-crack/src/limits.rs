/// Bounds on what one input may cost. Passing one is an [`Error`](crate::Error), never a cut value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Elements nested in each other, the page's outermost counted as 1. FHIR data stay below 30.
    pub depth: u32,
    /// Values one resource gives to all its columns together.
    pub entries: u32,
    /// Bytes of the values of one cell.
    pub cell_bytes: u32,
    /// Bytes of one resource, or of another part of a page that has to be held in one piece.
    pub resource_bytes: usize,
    /// Bytes of one page after decompression.
    pub page_bytes: u64,
}

impl Limits {
    /// Segments of a column's path, at most.
    pub const PATH_SEGMENTS: usize = 32;
    /// Columns of a table that takes all elements it meets, at most.
    pub const COLUMNS: usize = 1 << 16;
    /// Bytes that one batch can refer to: positions are 31 bits wide.
    pub(crate) const CHUNK_BYTES: usize = (1 << 31) - 1;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 128,
            entries: 4_000_000,
            cell_bytes: 256 << 20,
            resource_bytes: 512 << 20,
            page_bytes: 1 << 40,
        }
    }
}
