use table_description::{Column, ElementPath, FhirType, MeltMode, Origin, TableDescription};

use crate::ViewDefinition;
use crate::compile::{Class, class_of_primitive, typed_name};
use crate::fhirpath::{Ast, Function, Kind, parse};
use crate::view::{ColumnView, EachView, PathAt, SelectView};

/// Bytes of a column's name in the hub.
const NAME: usize = 63;

/// A view as a table of a description, and what of it a description cannot say: conditions, unions, recursion, values that are
/// made. Rows of a table multiply as those of selects beside each other do, and keep what `forEach` would drop.
///
/// # Errors
/// If no column is an element of the resource.
pub fn to_table(view: &ViewDefinition) -> Result<(TableDescription, Vec<String>), String> {
    let mut gather = Gather {
        view,
        columns: Vec::new(),
        notes: Vec::new(),
    };
    for condition in &view.wheres {
        gather.note(&condition.pointer, "rows are not filtered in a description");
    }
    view.selects.iter().for_each(|select| gather.select(select, &[]));
    if gather.columns.is_empty() {
        return Err("no column of the view is an element that a description can name".to_owned());
    }
    let name = view.name.as_deref().unwrap_or(&view.resource).to_lowercase();
    let table = TableDescription {
        name,
        resource: Some(view.resource.clone()),
        prefix: String::new(),
        columns: gather.columns,
        melt: MeltMode::Product,
    };
    Ok((table, gather.notes))
}

struct Gather<'v> {
    view: &'v ViewDefinition,
    columns: Vec<Column>,
    notes: Vec<String>,
}

/// The way to an element, and what is lost on it.
#[derive(Default)]
struct Way {
    names: Vec<String>,
    joined: bool,
    lost: Vec<&'static str>,
}

impl Gather<'_> {
    fn note(&mut self, pointer: &str, text: &str) {
        self.notes.push(format!("{pointer}: {text}"));
    }

    fn select(&mut self, select: &SelectView, base: &[String]) {
        let base = match &select.each {
            EachView::Once => Some(base.to_vec()),
            EachView::ForEach(path) => {
                let way = self.way(path, base);
                if way.is_some() {
                    self.note(
                        &path.pointer,
                        "rows without this element are kept, as with forEachOrNull",
                    );
                }
                way.map(|way| way.names)
            }
            EachView::ForEachOrNull(path) => self.way(path, base).map(|way| way.names),
            EachView::Repeat(_) => {
                self.note(&select.pointer, "a description does not go down again and again");
                None
            }
        };
        let Some(base) = base else { return };
        select
            .columns
            .iter()
            .for_each(|column| self.column(column, &base));
        select
            .selects
            .iter()
            .for_each(|select| self.select(select, &base));
        if !select.union.is_empty() {
            self.note(
                &select.pointer,
                "a description has no unions; the columns of unionAll are left out",
            );
        }
    }

    fn column(&mut self, view: &ColumnView, base: &[String]) {
        let Some(way) = self.way(&view.path, base) else {
            return;
        };
        let name = view.name.to_lowercase();
        if name.len() > NAME || self.columns.iter().any(|column| column.name == name) {
            self.note(
                &view.pointer,
                "the name is too long for the hub, or taken in lower case",
            );
            return;
        }
        let class = view.type_name.as_deref().and_then(class_of_primitive);
        let fhir_type = match class {
            Some(Class::Boolean) => FhirType::Boolean,
            Some(Class::Integer) => FhirType::Integer,
            Some(Class::Decimal) => FhirType::Decimal,
            Some(Class::Date) => FhirType::Date,
            Some(Class::DateTime) => FhirType::DateTime,
            Some(Class::Time) => FhirType::Time,
            Some(Class::String) | None => FhirType::String,
        };
        if view.collection {
            self.note(&view.pointer, "a collection becomes rows");
        }
        let path = ElementPath::new(way.names.join("/"));
        let mut column = Column::new(name, Origin::Element(path), fhir_type);
        column.joined = way.joined;
        self.columns.push(column);
    }

    /// The way of a path; none, and a note why, where a description has none.
    fn way(&mut self, path: &PathAt, base: &[String]) -> Option<Way> {
        let way = match parse(&path.path) {
            Ok(ast) => way(&ast, base, &self.view.resource),
            Err(_) => Err("it is no path"),
        };
        match way {
            Ok(way) if !way.names.is_empty() => {
                way.lost.iter().for_each(|lost| self.note(&path.pointer, lost));
                Some(way)
            }
            Ok(_) => {
                self.note(&path.pointer, "the resource itself is no element");
                None
            }
            Err(reason) => {
                self.note(&path.pointer, reason);
                None
            }
        }
    }
}

fn way(ast: &Ast, base: &[String], resource: &str) -> Result<Way, &'static str> {
    let with = |of: &Ast, name: &str, lost: Option<&'static str>| -> Result<Way, &'static str> {
        let mut way = way(of, base, resource)?;
        way.names.push(name.to_owned());
        way.lost.extend(lost);
        Ok(way)
    };
    match &ast.kind {
        Kind::This => Ok(Way {
            names: base.to_vec(),
            ..Way::default()
        }),
        Kind::Child(of, name) if matches!(of.kind, Kind::This) && base.is_empty() && name == resource => {
            way(of, base, resource)
        }
        Kind::Child(of, name) => with(of, name, None),
        Kind::Call(of, Function::OfType, arguments) => match (&of.kind, arguments.first().map(|a| &a.kind)) {
            (Kind::Child(parent, element), Some(Kind::Type(type_name))) => {
                with(parent, &typed_name(element, type_name), None)
            }
            _ => Err("ofType stands only behind the element that has several types"),
        },
        Kind::Call(of, Function::First, _) | Kind::Index(of, _) => {
            let mut way = way(of, base, resource)?;
            way.lost.push("all repetitions become rows, not one of them");
            Ok(way)
        }
        Kind::Call(of, Function::Join, _) => {
            let mut way = way(of, base, resource)?;
            way.joined = true;
            way.lost
                .push("values are joined with a blank, whatever stands between them in the view");
            Ok(way)
        }
        Kind::Call(of, Function::GetResourceKey, _) => with(of, "id", None),
        Kind::Call(of, Function::GetReferenceKey, _) => with(
            of,
            "reference",
            Some("the whole reference is kept, not only the id"),
        ),
        Kind::Call(_, Function::Where | Function::Extension, _) => Err("a description has no conditions"),
        _ => Err("a description takes elements, and makes no values"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::from_table;

    #[test]
    fn a_table_comes_back_from_its_view() {
        let mut columns = 0;
        for table in table_description::default_description().resources() {
            let (view, _) = from_table(table).expect(&table.name);
            let view = ViewDefinition::from_value(&view).expect(&table.name);
            let (back, _) = to_table(&view).expect(&table.name);
            assert_eq!((&back.name, &back.resource), (&table.name, &table.resource));
            for column in &back.columns {
                let before = table.position(&column.name).map(|at| &table.columns[at]);
                let before = before.expect(&column.name);
                assert_eq!(
                    (column.path(), column.fhir_type, column.joined),
                    (before.path(), before.fhir_type, before.joined),
                    "{}.{}",
                    table.name,
                    column.name
                );
                columns += 1;
            }
        }
        assert!(columns > 500, "{columns}");
    }

    #[test]
    fn what_a_description_cannot_say_is_told() {
        let view = serde_json::json!({"resource": "Patient", "where": [{"path": "active"}], "select": [
            {"column": [{"name": "id", "path": "getResourceKey()"}, {"name": "org", "path": "managingOrganization.getReferenceKey()"},
                        {"name": "one", "path": "1"}, {"name": "dead", "path": "deceased.ofType(dateTime)", "type": "dateTime"}]},
            {"forEach": "name.where(use = 'official')", "column": [{"name": "family", "path": "family"}]},
            {"forEach": "address", "column": [{"name": "city", "path": "city"}]},
            {"repeat": ["contact"], "column": [{"name": "g", "path": "gender"}]},
        ]});
        let view = ViewDefinition::from_value(&view).expect("a view");
        let (table, notes) = to_table(&view).expect("a table");
        let columns: Vec<(&str, &str)> = table
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column.path().as_str()))
            .collect();
        let expected = [
            ("id", "id"),
            ("org", "managingOrganization/reference"),
            ("dead", "deceasedDateTime"),
            ("city", "address/city"),
        ];
        assert_eq!(columns, expected);
        let places: Vec<&str> = notes.iter().filter_map(|note| note.split(": ").next()).collect();
        let expected = [
            "/where/0/path",
            "/select/0/column/1/path",
            "/select/0/column/2/path",
            "/select/1/forEach",
            "/select/2/forEach",
            "/select/3",
        ];
        assert_eq!(places, expected);
    }
}
