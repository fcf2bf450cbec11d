use std::collections::BTreeMap;

use crate::error::Place;

/// What became of the resources of the pages so far: none is left uncounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Pages ended: Bundles, single resources, files of resources.
    pub pages: u64,
    /// Entries of Bundles, and resources that stand alone or one a line.
    pub entries: u64,
    /// Entries without a resource (such as those of a transaction's answer).
    pub no_resource: u64,
    /// Resources without a type, which no table can take.
    pub no_type: u64,
    /// Where the first of them begins in its page.
    pub first_without_type: Option<Place>,
    /// Bundles and Parameters in entries, whose own entries were taken as the page's.
    pub unwrapped: u64,
    /// Parts of pages that cannot be read, each a [`Rejected`](crate::Rejected).
    pub rejected: u64,
    /// Values that were read otherwise than they stand in the page ([`Repair`](crate::Repair)).
    pub repaired: u64,
    /// OperationOutcomes no table asks for, such as a server's warnings in a search.
    pub outcomes: u64,
    /// Resources of types no table asks for, by type; those whose type has no name FHIR knows under `other`.
    pub other_types: BTreeMap<String, u64>,
    /// What the tables took, in the order of the description.
    pub tables: Vec<TableSummary>,
}

/// What became of the resources of one table's type. `resources = rows + no_value + duplicates`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSummary {
    /// Name of the table.
    pub table: String,
    /// Resources of the type.
    pub resources: u64,
    /// Rows made.
    pub rows: u64,
    /// Resources without any of the elements the table lists.
    pub no_value: u64,
    /// Rows equal to an earlier one.
    pub duplicates: u64,
}

impl Summary {
    /// Resources of types no table asks for, OperationOutcomes left out.
    #[must_use]
    pub fn other_type(&self) -> u64 {
        self.other_types.values().sum()
    }

    /// What was counted since an earlier state of the same counts.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let types = self.other_types.iter().map(|(name, count)| {
            let before = earlier.other_types.get(name).copied().unwrap_or_default();
            (name.clone(), count - before)
        });
        let mut tables = self.tables.clone();
        for (now, before) in tables.iter_mut().zip(&earlier.tables) {
            now.resources -= before.resources;
            now.rows -= before.rows;
            now.no_value -= before.no_value;
            now.duplicates -= before.duplicates;
        }
        Self {
            pages: self.pages - earlier.pages,
            entries: self.entries - earlier.entries,
            no_resource: self.no_resource - earlier.no_resource,
            no_type: self.no_type - earlier.no_type,
            first_without_type: match earlier.first_without_type {
                Some(_) => None,
                None => self.first_without_type,
            },
            unwrapped: self.unwrapped - earlier.unwrapped,
            rejected: self.rejected - earlier.rejected,
            repaired: self.repaired - earlier.repaired,
            outcomes: self.outcomes - earlier.outcomes,
            other_types: types.filter(|(_, count)| *count > 0).collect(),
            tables,
        }
    }

    /// Adds what another decoder counted with the same plan.
    pub fn add(&mut self, other: &Self) {
        self.pages += other.pages;
        self.entries += other.entries;
        self.no_resource += other.no_resource;
        self.no_type += other.no_type;
        self.first_without_type = self.first_without_type.or(other.first_without_type);
        self.unwrapped += other.unwrapped;
        self.rejected += other.rejected;
        self.repaired += other.repaired;
        self.outcomes += other.outcomes;
        for (name, count) in &other.other_types {
            *self.other_types.entry(name.clone()).or_default() += count;
        }
        if self.tables.is_empty() {
            self.tables.clone_from(&other.tables);
            return;
        }
        for (mine, theirs) in self.tables.iter_mut().zip(&other.tables) {
            mine.resources += theirs.resources;
            mine.rows += theirs.rows;
            mine.no_value += theirs.no_value;
            mine.duplicates += theirs.duplicates;
        }
    }
}
