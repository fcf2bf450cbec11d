use table_description::Description;

/// The descriptions a hub is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HubTables {
    /// Tables of FHIR resources and `pids_per_ward`: stored raw and typed.
    pub fhir: Description,
    /// Forms of the frontend; the suffix `_fe` is added where a name does not have it.
    pub forms: Description,
    /// Tables the dataprocessor shares with its submodules.
    pub core: Description,
    /// Tables of the dataprocessor's submodules.
    pub submodules: Description,
}

impl HubTables {
    /// The project's own tables, those the original system has and our additions.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            fhir: table_description::default_description(),
            forms: table_description::default_frontend(),
            core: table_description::default_core(),
            submodules: table_description::default_submodules(),
        }
    }
}
