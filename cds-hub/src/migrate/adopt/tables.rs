use std::sync::Arc;

use crate::migrate::catalogue::Catalogue;
use crate::schema::{HubTables, Kind, Model};

/// The project's tables with the columns that this database of the original system has: taken over so, an unchanged resource
/// is the same row as before.
pub(in crate::migrate) fn of_original(catalogue: &Catalogue) -> HubTables {
    let mut tables = HubTables::standard();
    let model = Model::new(&tables);
    for (part, kind) in [(&mut tables.fhir, Kind::Typed), (&mut tables.forms, Kind::Form)] {
        for description in &mut part.tables {
            let stored = model.of(kind).find(|t| t.base() == description.name);
            let Some(found) = stored.and_then(|t| catalogue.table("db_log", &t.name)) else {
                continue;
            };
            if description
                .columns
                .iter()
                .any(|c| !found.iter().any(|(name, _)| *name == c.name))
            {
                Arc::make_mut(description)
                    .columns
                    .retain(|c| found.iter().any(|(name, _)| *name == c.name));
            }
        }
    }
    tables
}
