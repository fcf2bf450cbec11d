//! Table descriptions as views: a table of the hub written in the standard.

mod to_table;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use table_description::{FhirType, TableDescription};

use crate::compile::type_behind;

pub use to_table::to_table;

/// Primitive elements that repeat in FHIR R4; others are taken as single, and a view says so where they are not.
const REPEATING: [&str; 16] = [
    "comment",
    "contraindication",
    "dayOfWeek",
    "given",
    "instantiatesCanonical",
    "instantiatesUri",
    "line",
    "patientInstruction",
    "prefix",
    "profile",
    "daysOfWeek",
    "suffix",
    "timeOfDay",
    "when",
    "event",
    "imageUrl",
];

/// Elements below each other, each with the columns that end at it.
#[derive(Default)]
struct Tree {
    columns: Vec<(String, &'static str)>,
    /// Whether the repetitions are joined to one text.
    joined: bool,
    below: Vec<(String, Tree)>,
}

impl Tree {
    fn child(&mut self, name: &str) -> &mut Self {
        let at = match self.below.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None => {
                self.below.push((name.to_owned(), Self::default()));
                self.below.len() - 1
            }
        };
        &mut self.below[at].1
    }

    /// The select of an element: its columns, and one select more for each element with parts or repetitions.
    fn select(&self, each: Option<String>) -> Value {
        let mut columns: Vec<Value> = Vec::new();
        let mut selects: Vec<Value> = Vec::new();
        if each.is_some() {
            columns.extend(self.columns.iter().map(|(name, t)| column(name, "$this", t)));
        }
        for (name, tree) in &self.below {
            let mut path = expression(name);
            if tree.joined {
                path.push_str(".join(' ')");
            }
            let single = tree.below.is_empty() && (tree.joined || !REPEATING.contains(&name.as_str()));
            if single {
                columns.extend(tree.columns.iter().map(|(name, t)| column(name, &path, t)));
            } else {
                selects.push(tree.select(Some(path)));
            }
        }
        let mut select = serde_json::Map::new();
        if let Some(each) = each {
            select.insert("forEachOrNull".to_owned(), each.into());
        }
        for (name, items) in [("column", columns), ("select", selects)] {
            if !items.is_empty() {
                select.insert(name.to_owned(), items.into());
            }
        }
        select.into()
    }
}

fn column(name: &str, path: &str, type_name: &str) -> Value {
    json!({"name": name, "path": path, "type": type_name})
}

/// `valueQuantity` → `value.ofType(Quantity)`.
fn expression(name: &str) -> String {
    match type_behind(name) {
        Some((base, type_name)) => format!("{base}.ofType({type_name})"),
        None => name.to_owned(),
    }
}

fn type_name(fhir_type: FhirType) -> &'static str {
    match fhir_type {
        FhirType::Boolean => "boolean",
        FhirType::Integer => "integer",
        FhirType::Decimal => "decimal",
        FhirType::Date => "date",
        FhirType::DateTime => "dateTime",
        FhirType::Time => "time",
        FhirType::String => "string",
    }
}

/// A table as a ViewDefinition: each element with parts goes through its repetitions with `forEachOrNull`, so unrelated
/// repetitions multiply as they do in the hub. Also what of the table a view cannot say.
///
/// # Errors
/// If the table takes nothing from a resource.
pub fn from_table(table: &TableDescription) -> Result<(Value, Vec<String>), String> {
    let Some(resource) = &table.resource else {
        return Err("an internal table takes nothing from a resource".to_owned());
    };
    let mut notes = Vec::new();
    let mut tree = Tree::default();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for column in &table.columns {
        let path = column.path().as_str();
        *seen.entry(column.name.as_str()).or_default() += 1;
        if column.is_calculated() {
            notes.push(format!(
                "{} is calculated, not read from the resource",
                column.name
            ));
        } else if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/') {
            notes.push(format!(
                "{}: the path {path} is XPath, which a view does not have",
                column.name
            ));
        } else if seen.get(column.name.as_str()) > Some(&1) {
            notes.push(format!("{} stands twice", column.name));
        } else {
            let end = path.split('/').fold(&mut tree, |tree, name| tree.child(name));
            end.joined |= column.joined;
            end.columns
                .push((column.name.clone(), type_name(column.fhir_type)));
        }
    }
    if tree.below.is_empty() {
        return Err("no column of the table can be written as a path of a view".to_owned());
    }
    notes.push(
        "values are not moved to wall time, and references are not resolved, as the hub does".to_owned(),
    );
    let view = json!({
        "resourceType": "ViewDefinition",
        "name": table.name,
        "status": "draft",
        "resource": resource,
        "select": [tree.select(None)],
    });
    Ok((view, notes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ViewDefinition, Views};

    #[test]
    fn every_table_of_the_built_in_description_is_a_view_that_compiles() {
        let mut tables = 0;
        for table in table_description::default_description().resources() {
            let (view, _) = from_table(table).expect(&table.name);
            let view = ViewDefinition::from_value(&view).expect(&table.name);
            assert_eq!(view.lints(), [], "{}", table.name);
            let views = Views::new(&[view]).expect(&table.name);
            assert!(
                views.columns(0).count() * 2 > table.columns.len(),
                "{}",
                table.name
            );
            tables += 1;
        }
        assert!(tables > 10, "{tables}");
    }
}
