use table_description::Description;

use super::{HubTables, Kind, StoredTable};

/// All stored tables of a hub, in the order of transfers: raw, typed, forms, core, submodules.
#[derive(Clone, Debug)]
pub struct Model {
    tables: Vec<StoredTable>,
}

impl Model {
    /// The stored tables these descriptions ask for.
    #[must_use]
    pub fn new(tables: &HubTables) -> Self {
        let parts: [(Kind, &Description); 5] = [
            (Kind::Raw, &tables.fhir),
            (Kind::Typed, &tables.fhir),
            (Kind::Form, &tables.forms),
            (Kind::Core, &tables.core),
            (Kind::Submodule, &tables.submodules),
        ];
        let stored = parts
            .into_iter()
            .flat_map(|(kind, d)| d.tables.iter().map(move |t| StoredTable::new(kind, t)));
        Self {
            tables: stored.collect(),
        }
    }

    /// The stored tables in the order of transfers.
    #[must_use]
    pub fn tables(&self) -> &[StoredTable] {
        &self.tables
    }

    /// The tables of one kind, in description order.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &StoredTable> {
        self.tables.iter().filter(move |t| t.kind == kind)
    }

    /// The table with this contract name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&StoredTable> {
        self.tables.iter().find(|t| t.name == name)
    }
}
