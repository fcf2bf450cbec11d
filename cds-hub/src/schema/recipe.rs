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

    /// The columns that always count, in their order.
    pub(crate) fn columns(self) -> impl Iterator<Item = &'a StoredColumn> {
        self.table.columns.iter().filter(|c| c.hashed && !c.added)
    }

    /// The columns that count where they have a value, in their order.
    pub(crate) fn added(self) -> impl Iterator<Item = &'a StoredColumn> {
        self.table.columns.iter().filter(|c| c.hashed && c.added)
    }

    /// The immutable expression over the columns of a row; `qualifier` is empty or ends with a dot.
    pub(crate) fn expression(self, qualifier: &str) -> String {
        let name = |c: &StoredColumn| format!("{qualifier}{}", identifier(&c.name));
        let always: Vec<String> = self.columns().map(|c| text(c.fhir_type, name(c))).collect();
        let added: Vec<String> = self
            .added()
            .map(|c| {
                format!(
                    "{} || {}",
                    literal(&format!("{}=", c.name)),
                    text_or_null(c.fhir_type, name(c))
                )
            })
            .collect();
        let list = |items: &[String]| wrapped(items, "    ");
        if added.is_empty() {
            format!("db.content_hash(ARRAY[\n{}]::text[])", list(&always))
        } else {
            format!(
                "db.content_hash(ARRAY[\n{}]::text[],\n    ARRAY[\n{}]::text[])",
                list(&always),
                list(&added)
            )
        }
    }
}

/// A column's text; NULL stands for `#NULL#`, but a NULL boolean has a word of its own.
fn text(fhir_type: FhirType, name: String) -> String {
    match fhir_type {
        FhirType::Boolean => format!("coalesce({name}::text, 'null')"),
        other => text_or_null(other, name),
    }
}

fn text_or_null(fhir_type: FhirType, name: String) -> String {
    match fhir_type {
        FhirType::String => name,
        FhirType::Integer | FhirType::Decimal | FhirType::Boolean => format!("{name}::text"),
        FhirType::Date | FhirType::DateTime | FhirType::Time => format!("db.to_char_immutable({name})"),
    }
}

/// Items with commas between, as many on a line as a reader can take in.
pub(crate) fn wrapped(items: &[String], indent: &str) -> String {
    const WIDTH: usize = 118;
    let mut text = String::new();
    let mut width = 0;
    for (position, item) in items.iter().enumerate() {
        let comma = if position + 1 < items.len() { "," } else { "" };
        if position > 0 && width + item.len() + 2 <= WIDTH {
            text.push(' ');
            width += 1;
        } else {
            if position > 0 {
                text.push('\n');
            }
            text.push_str(indent);
            width = indent.len();
        }
        text.push_str(item);
        text.push_str(comma);
        width += item.len() + comma.len();
    }
    text
}
