use table_description::Description;

/// The descriptions a hub is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HubTables {
    /// Tables of FHIR resources and `pids_per_ward`: stored raw and typed.
    pub fhir: Description,
    /// Forms of the frontend, named without the suffix `_fe`.
    pub forms: Description,
    /// Tables the dataprocessor shares with its submodules.
    pub core: Description,
    /// Tables of the dataprocessor's submodules.
    pub submodules: Description,
}
