use table_description::{Description, FhirType, TableDescription};

use super::{HubTables, Kind, StoredColumn, StoredTable};
use std::sync::Arc;

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
        let stored = parts.into_iter().flat_map(|(kind, d)| d.tables.iter().map(move |t| stored(kind, t)));
        Self { tables: stored.collect() }
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

fn stored(kind: Kind, table: &Arc<TableDescription>) -> StoredTable {
    let base = table.name.as_str();
    let name = match kind {
        Kind::Raw => format!("{base}_raw"),
        Kind::Form if !base.ends_with("_fe") => format!("{base}_fe"),
        _ => base.to_owned(),
    };
    let columns = table
        .columns
        .iter()
        .map(|c| {
            let fhir = matches!(kind, Kind::Raw | Kind::Typed);
            StoredColumn {
                name: c.name.clone(),
                fhir_type: if kind == Kind::Raw { FhirType::String } else { c.fhir_type },
                // All data columns of the other tables count: they have neither `meta` nor calculated columns.
                hashed: !fhir || c.is_hashed(),
                meta: fhir && c.is_meta(),
                comment: format!("{} ({})", c.path(), c.fhir_type),
            }
        })
        .collect();
    StoredTable { name, kind, description: Arc::clone(table), columns }
}
