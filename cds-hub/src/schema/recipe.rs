use std::fmt::Write as _;

use table_description::FhirType;

use super::identifier::literal;
use super::{StoredColumn, StoredTable, identifier};

/// How the hash of a table's rows is made in SQL: the same bytes the loader hashes.
///
/// Every hashed column in description order as text (NULL is `#NULL#`, a NULL boolean `null`), each followed by
/// `|||`; of the columns the original system does not have only those with a value, their name and `=` before it; and
/// `#` at the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe<'a> {
    table: &'a StoredTable,
}

impl<'a> Recipe<'a> {
    pub(crate) fn of(table: &'a StoredTable) -> Self {
        Self { table }
    }

    /// The columns that count, in their order.
    pub(crate) fn columns(self) -> impl Iterator<Item = &'a StoredColumn> {
        self.table.columns.iter().filter(|c| c.hashed)
    }

    /// The immutable expression over the columns of a row; `qualifier` is empty or ends with a dot.
    pub(crate) fn expression(self, qualifier: &str) -> String {
        let mut sql = String::from("md5(");
        for column in self.columns() {
            let name = format!("{qualifier}{}", identifier(&column.name));
            if column.added {
                let text = match column.fhir_type {
                    FhirType::String => name,
                    FhirType::Integer | FhirType::Decimal | FhirType::Boolean => format!("{name}::text"),
                    FhirType::Date | FhirType::DateTime | FhirType::Time => {
                        format!("db.to_char_immutable({name})")
                    }
                };
                let label = literal(&format!("{}=", column.name));
                let _ = write!(sql, "coalesce({label} || {text} || '|||', '') || ");
                continue;
            }
            let text = match column.fhir_type {
                FhirType::String => format!("coalesce({name}, '#NULL#')"),
                FhirType::Integer | FhirType::Decimal => format!("coalesce({name}::text, '#NULL#')"),
                FhirType::Boolean => {
                    format!("CASE WHEN {name} THEN 'true' WHEN NOT {name} THEN 'false' ELSE 'null' END")
                }
                FhirType::Date | FhirType::DateTime | FhirType::Time => {
                    format!("coalesce(db.to_char_immutable({name}), '#NULL#')")
                }
            };
            let _ = write!(sql, "{text} || '|||' || ");
        }
        sql.push_str("'#')");
        sql
    }
}
