use table_description::TableDescription;

use super::Rules;
use super::reference::References;
use crate::profile::{ColumnProfile, Role, Roles, TableProfile};

/// What a test looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'s> {
    /// The rows: a batch or all of them.
    pub profile: &'s TableProfile,
    /// Their description, where there is one.
    pub description: Option<&'s TableDescription>,
    /// The rules.
    pub rules: &'s Rules,
    /// Reference distributions.
    pub references: &'s References,
    /// The same table in the run before.
    pub before: Option<&'s TableProfile>,
    /// Fewer patients than this are not told of in numbers.
    pub few: u32,
}

impl<'s> Subject<'s> {
    /// Columns with their roles.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&'s ColumnProfile, Role)> {
        let roles = Roles::new(self.description);
        self.profile
            .columns
            .iter()
            .map(move |column| (column, roles.of(&column.name)))
    }

    /// `table.column`.
    pub(crate) fn place(&self, column: &ColumnProfile) -> String {
        format!("{}.{}", self.profile.table, column.name)
    }
}

/// A share as people read it.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.01 {
        return "less than 0.01 %".to_owned();
    }
    if percent < 1.0 {
        format!("{percent:.2} %")
    } else {
        format!("{percent:.1} %")
    }
}
