use std::collections::HashSet;

use serde_json::Value;

use super::object::{Found, Object};
use super::resource_type::is_resource_type;
use super::{ColumnView, EachView, PathAt, SelectView, ViewDefinition, constant, repeats};
use crate::fhirpath::{Ast, Refused, parse};
use crate::{Error, Fault, FaultKind};

pub(super) const SQL_NAME: &str = "a name of letters, digits and underscores that begins with a letter";
/// Selects of a view nested in each other, at most.
const DEPTH: usize = 32;
/// Selects of a view, at most; each is a level of the recursion that makes rows.
const SELECTS: usize = 500;
/// Columns of a view, at most.
const COLUMNS: usize = 4_096;
/// Bytes of a view, at most.
const BYTES: usize = 4 << 20;

/// What a view may hold: its own members and those of a canonical resource.
const KNOWN: [&str; 34] = [
    "resourceType",
    "meta",
    "implicitRules",
    "language",
    "text",
    "contained",
    "url",
    "identifier",
    "version",
    "versionAlgorithmString",
    "versionAlgorithmCoding",
    "name",
    "title",
    "status",
    "experimental",
    "date",
    "publisher",
    "contact",
    "description",
    "useContext",
    "jurisdiction",
    "purpose",
    "copyright",
    "copyrightLabel",
    "approvalDate",
    "lastReviewDate",
    "effectivePeriod",
    "profile",
    "resource",
    "fhirVersion",
    "constant",
    "where",
    "select",
    "relatedArtifact",
];

/// Whether a name can be that of a column without quotes.
pub(crate) fn is_sql_name(name: &str) -> bool {
    name.len() <= 255
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl ViewDefinition {
    /// Reads a view from JSON.
    ///
    /// # Errors
    /// All faults of its form at once, each with its JSON pointer. Expressions are looked at when views are compiled
    /// ([`Views::new`](crate::Views::new)).
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        if text.len() > BYTES {
            return Err(Error::view(None, vec![definition("", "a view of at most 4 MiB")]));
        }
        let value: Value = serde_json::from_slice(text).map_err(|error| {
            let expected = format!("JSON (line {}, column {})", error.line(), error.column());
            Error::view(None, vec![definition("", &expected)])
        })?;
        Self::from_value(&value)
    }

    /// Reads a view from parsed JSON.
    ///
    /// # Errors
    /// As [`ViewDefinition::from_json`].
    pub fn from_value(value: &Value) -> Result<Self, Error> {
        let mut found = Found::default();
        let view = view(value, &mut found);
        match view {
            Some(mut view) if found.faults.is_empty() => {
                view.lints = found.lints;
                Ok(view)
            }
            _ => {
                let name = value.get("name").and_then(Value::as_str);
                Err(Error::view(name, found.faults))
            }
        }
    }
}

fn definition(pointer: &str, expected: &str) -> Fault {
    let expected = expected.to_owned();
    Fault::new(pointer, FaultKind::Definition { expected })
}

fn view(value: &Value, found: &mut Found) -> Option<ViewDefinition> {
    let mut object = Object::of(value, "", found)?;
    if let Some(kind) = object.text("resourceType")
        && kind != "ViewDefinition"
        && !kind.ends_with("/ViewDefinition")
    {
        object.fault("resourceType", "ViewDefinition");
    }
    let resource = object.required("resource");
    if resource.is_some_and(|resource| !is_resource_type(resource)) {
        object.fault("resource", "the name of a resource type");
    }
    let name = object.text("name").map(str::to_owned);
    if name.as_deref().is_some_and(|name| !is_sql_name(name)) {
        object.fault("name", SQL_NAME);
    }
    let mut constants = Vec::new();
    for (item, pointer) in object.array("constant") {
        if let Some(item) = Object::of(item, &pointer, object.found) {
            constants.extend(constant::read(item));
        }
    }
    let mut names = HashSet::new();
    for (at, constant) in constants.iter().enumerate() {
        if !names.insert(constant.name.as_str()) {
            object
                .found
                .fault(&format!("/constant/{at}/name"), "each constant once");
        }
    }
    let mut wheres = Vec::new();
    for (item, pointer) in object.array("where") {
        if let Some(mut item) = Object::of(item, &pointer, object.found) {
            wheres.extend(path(&mut item, "path"));
            item.known(&["path", "description"]);
        }
    }
    let mut reader = Reader {
        selects: 0,
        columns: 0,
        resource: resource.unwrap_or_default(),
        iterating: 0,
    };
    let selects = reader.selects(&mut object, "select", 0);
    if selects.is_empty() {
        object.fault("select", "at least one select");
    }
    if let Some(versions) = object.get("fhirVersion")
        && !matches!(versions, Value::Array(_) | Value::String(_))
    {
        object.fault("fhirVersion", "an array of versions");
    }
    object.known(&KNOWN);
    Some(ViewDefinition {
        name,
        resource: resource?.to_owned(),
        constants,
        wheres,
        selects,
        lints: Vec::new(),
        patients: None,
    })
}

fn path(object: &mut Object<'_, '_>, name: &str) -> Option<PathAt> {
    parsed(object, name).map(|(path, _)| path)
}

/// A path and, where it is one of FHIRPath, its tree.
fn parsed(object: &mut Object<'_, '_>, name: &str) -> Option<(PathAt, Option<Ast>)> {
    let path = object.required(name)?.to_owned();
    let ast = parse(&path).map_err(|Refused { at, reason }| {
        let pointer = object.at(name);
        let kind = FaultKind::Expression { at, reason };
        object.found.faults.push(Fault::new(&pointer, kind));
    });
    let pointer = object.at(name);
    Some((PathAt { path, pointer }, ast.ok()))
}

struct Reader<'v> {
    selects: usize,
    columns: usize,
    resource: &'v str,
    /// Selects round the one at work that go through elements.
    iterating: usize,
}

impl Reader<'_> {
    fn selects(&mut self, object: &mut Object<'_, '_>, name: &str, depth: usize) -> Vec<SelectView> {
        let mut selects = Vec::new();
        for (item, pointer) in object.array(name) {
            self.selects += 1;
            if depth >= DEPTH || self.selects > SELECTS {
                let expected = format!("at most {DEPTH} levels and {SELECTS} selects");
                object.found.fault(&pointer, &expected);
                return selects;
            }
            if let Some(item) = Object::of(item, &pointer, object.found) {
                selects.push(self.select(item, depth));
            }
        }
        selects
    }

    fn select(&mut self, mut object: Object<'_, '_>, depth: usize) -> SelectView {
        let each = each(&mut object);
        self.iterating += usize::from(!each.is_once());
        let root = (self.iterating == 0).then_some(self.resource);
        let mut columns = Vec::new();
        for (item, pointer) in object.array("column") {
            self.columns += 1;
            if self.columns > COLUMNS {
                object
                    .found
                    .fault(&pointer, &format!("at most {COLUMNS} columns"));
                break;
            }
            if let Some(item) = Object::of(item, &pointer, object.found) {
                columns.extend(column(item, root));
            }
        }
        let selects = self.selects(&mut object, "select", depth + 1);
        let union = self.selects(&mut object, "unionAll", depth + 1);
        self.iterating -= usize::from(!each.is_once());
        if ["column", "select", "unionAll"].iter().all(|name| {
            object
                .get(name)
                .is_none_or(|value| value.as_array().is_some_and(Vec::is_empty))
        }) {
            object.fault("", "a select with column, select or unionAll");
        }
        object.known(&[
            "column",
            "select",
            "unionAll",
            "forEach",
            "forEachOrNull",
            "repeat",
            "description",
        ]);
        SelectView {
            pointer: object.pointer,
            each,
            columns,
            selects,
            union,
        }
    }
}

fn each(object: &mut Object<'_, '_>) -> EachView {
    let given: Vec<&str> = ["forEach", "forEachOrNull", "repeat"]
        .into_iter()
        .filter(|name| object.get(name).is_some())
        .collect();
    if given.len() > 1 {
        object.fault("", &format!("only one of {}", given.join(", ")));
    }
    match given.first() {
        Some(&"forEach") => path(object, "forEach").map_or(EachView::Once, EachView::ForEach),
        Some(&"forEachOrNull") => {
            path(object, "forEachOrNull").map_or(EachView::Once, EachView::ForEachOrNull)
        }
        Some(_) => {
            let mut paths = Vec::new();
            for (item, pointer) in object.array("repeat") {
                match item {
                    Value::String(path) if !path.trim().is_empty() => paths.push(PathAt {
                        path: path.clone(),
                        pointer,
                    }),
                    _ => object.found.fault(&pointer, "a path"),
                }
            }
            if paths.is_empty() {
                object.fault("repeat", "at least one path");
            }
            EachView::Repeat(paths)
        }
        None => EachView::Once,
    }
}

/// A column. `root` is the type of the resource where the column's path may begin at it.
fn column(mut object: Object<'_, '_>, root: Option<&str>) -> Option<ColumnView> {
    let name = object.required("name");
    if name.is_some_and(|name| !is_sql_name(name)) {
        object.fault("name", SQL_NAME);
    }
    let path = parsed(&mut object, "path");
    let type_name = object.text("type").map(|name| {
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
        let name = name.strip_prefix("FHIR.").unwrap_or(name);
        name.to_owned()
    });
    let collection = object.boolean("collection");
    let path = path.map(|(path, ast)| {
        let many = ast.filter(|_| !collection);
        if let Some(element) = many.as_ref().and_then(|ast| repeats::many(ast, root.unwrap_or_default())) {
            let message = format!(
                "{element} may repeat, and more than one value ends the run: write first(), forEach or collection"
            );
            object.found.lint(&path.pointer, message);
        }
        path
    });
    let mut ansi = None;
    for (item, pointer) in object.array("tag") {
        if let Some(mut item) = Object::of(item, &pointer, object.found) {
            let tag = (item.required("name"), item.required("value"));
            if let (Some("ansi/type"), Some(value)) = tag {
                ansi = Some(value.to_owned());
            }
        }
    }
    object.known(&["name", "path", "type", "collection", "description", "tag"]);
    Some(ColumnView {
        pointer: object.pointer,
        name: name?.to_owned(),
        path: path?,
        type_name,
        collection,
        ansi,
    })
}
