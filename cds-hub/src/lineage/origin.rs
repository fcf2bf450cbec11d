/// One row on the way from a result back to the FHIR server.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// How far from the row asked for, counted from 0.
    pub depth: usize,
    /// Contract name of the table.
    pub table: String,
    /// Key of the row in the core; that of raw and typed tables is [`Origin::id`].
    pub key: i32,
    /// The contract's id of the row; NULL where a form's has none.
    pub id: Option<i32>,
    /// FHIR type and id, such as `Patient/4711`, of a raw or typed row.
    pub resource: Option<String>,
    /// FHIR version id, of a raw or typed row.
    pub version: Option<String>,
    /// Number of the import that brought the row.
    pub input_processing_nr: Option<i32>,
    /// Number of the newest import that confirmed it.
    pub last_processing_nr: Option<i32>,
    /// When the row came into the hub, wall time of the hub's zone: a raw row was downloaded then, a typed row typed, a
    /// result shown first.
    pub since: Option<String>,
    /// When it was confirmed last.
    pub confirmed: Option<String>,
    /// Whether readers see it now: the newest version of its resource, or part of its table's newest delivery.
    pub is_current: bool,
    /// Value of the cell that is traced, of the row asked for only. Patient data.
    pub value: Option<String>,
    /// Columns in which that value stands.
    pub holds: Vec<String>,
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The resource's id may identify a patient.
        f.debug_struct("Origin")
            .field("table", &self.table)
            .field("id", &self.id)
            .field("is_current", &self.is_current)
            .finish_non_exhaustive()
    }
}
