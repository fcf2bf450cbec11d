use std::fmt;

/// Something a migration does only when the operator accepts it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// A column has another type than described. Accepted: its values are set aside under another name, and the
    /// column starts empty.
    Retyped {
        /// Contract name.
        table: String,
        /// The column.
        column: String,
        /// Type in the database.
        from: String,
        /// Type in the description.
        to: String,
    },
    /// A column is not described any more. Accepted: it stays in the core with its values, and leaves the views,
    /// the inbox and the hash.
    Undescribed {
        /// Contract name.
        table: String,
        /// The column.
        column: String,
    },
    /// A view that is not the hub's reads one that has to be made anew. Accepted: it is made anew too, from its present
    /// text and with its present rights.
    ForeignView {
        /// Qualified name.
        view: String,
    },
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retyped {
                table,
                column,
                from,
                to,
            } => write!(
                f,
                "{table}.{column} is {from} and described as {to}: set its values aside and start an empty column?"
            ),
            Self::Undescribed { table, column } => write!(
                f,
                "{table}.{column} is not described: keep its values, but no longer show, fill or hash it?"
            ),
            Self::ForeignView { view } => {
                write!(f, "{view} reads a view of the hub: make it anew from its text?")
            }
        }
    }
}
