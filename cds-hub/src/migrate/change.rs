use std::fmt;

/// Something a migration does to the database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Take over the tables of the original system; they stay under schemas named `original_…`.
    Adopt,
    /// Make a table with its companions and inboxes.
    AddTable {
        /// Contract name.
        table: String,
    },
    /// Add a column, empty in the rows there are.
    AddColumn {
        /// Contract name.
        table: String,
        /// The column.
        column: String,
    },
    /// Keep a column's values under another name and start an empty one of the described type.
    SetAside {
        /// Contract name.
        table: String,
        /// The column.
        column: String,
        /// What it is called from now on.
        now: String,
    },
    /// Make an index of the core.
    AddIndex {
        /// Its name.
        index: String,
    },
    /// Compute the hash of every row of a table anew.
    Rehash {
        /// Contract name.
        table: String,
    },
    /// Keep which import confirmed a row last in blocks, no longer row by row.
    Blocks {
        /// Contract name.
        table: String,
    },
    /// Note that further columns count in the hash where they have a value; no row changes.
    ExtendRecipe {
        /// Contract name.
        table: String,
    },
    /// Make all views and functions and the rights anew.
    Renew,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adopt => f.write_str("adopt the tables of the original system"),
            Self::AddTable { table } => write!(f, "add table {table}"),
            Self::AddColumn { table, column } => write!(f, "add column {table}.{column}"),
            Self::SetAside { table, column, now } => write!(f, "set column {table}.{column} aside as {now}"),
            Self::AddIndex { index } => write!(f, "add index {index}"),
            Self::Rehash { table } => write!(f, "compute the hashes of {table} anew"),
            Self::Blocks { table } => write!(f, "keep the confirmations of {table} in blocks"),
            Self::ExtendRecipe { table } => write!(f, "let new columns of {table} count in its hashes"),
            Self::Renew => f.write_str("make views, functions and rights anew"),
        }
    }
}
