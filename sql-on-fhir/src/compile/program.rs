use std::collections::HashSet;
use std::sync::Arc;

use super::expr::Expr;
use super::expression::Expressions;
use super::scope::{Scope, too_many};
use super::types::{Class, Type, class_of_primitive};
use super::{Names, Shared};
use crate::fhirpath::{Ast, Kind, Refused, parse};
use crate::output::ColumnType;
use crate::view::{ColumnView, EachView, PathAt, SelectView, ViewDefinition};
use crate::{Fault, FaultKind};

/// The patients a resource is of.
const OF_PATIENT: [&str; 3] = [
    "subject.getReferenceKey(Patient)",
    "patient.getReferenceKey(Patient)",
    "beneficiary.getReferenceKey(Patient)",
];

/// A compiled view.
pub(crate) struct Program {
    pub(crate) view: String,
    pub(crate) resource: String,
    pub(crate) columns: Vec<OutColumn>,
    pub(crate) wheres: Vec<(Expr, String)>,
    pub(crate) selects: Vec<Select>,
    /// Expressions for the patients a resource is of, and those that are wanted.
    pub(crate) patients: Option<(Vec<Expr>, Arc<HashSet<String>>)>,
}

/// A column of the rows.
pub(crate) struct OutColumn {
    pub(crate) name: String,
    pub(crate) collection: bool,
    pub(crate) column_type: ColumnType,
    /// JSON pointer to it.
    pub(crate) pointer: String,
}

pub(crate) enum Each {
    Once,
    All(Expr),
    /// The columns are NULL once where there is no element.
    AllOrNull(Expr),
    Repeat(Vec<Expr>),
}

pub(crate) struct Select {
    pub(crate) each: Each,
    pub(crate) pointer: String,
    /// Which column of the row each expression fills.
    pub(crate) columns: Vec<(usize, Expr)>,
    pub(crate) selects: Vec<Select>,
    pub(crate) union: Vec<Select>,
    /// The columns filled here and below, the first and the one behind the last.
    pub(crate) range: (usize, usize),
    /// Columns that are only the number of the row, which is 0 where there is no element.
    pub(crate) row_indices: Vec<usize>,
}

pub(crate) struct Compiler<'a> {
    view: &'a ViewDefinition,
    shared: &'a mut Shared,
    columns: Vec<OutColumn>,
    faults: Vec<Fault>,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(view: &'a ViewDefinition, shared: &'a mut Shared) -> Self {
        Self {
            view,
            shared,
            columns: Vec::new(),
            faults: Vec::new(),
        }
    }

    pub(crate) fn compile(mut self) -> Result<Program, Vec<Fault>> {
        let view = self.view;
        let root = Scope::of(self.shared.plan.resource(&view.resource));
        let mut wheres = Vec::new();
        for path in &view.wheres {
            if let Some((expr, scope)) = self.expression(path, &root) {
                match scope.type_of {
                    Type::Unknown | Type::Primitive(Class::Boolean) => {
                        wheres.push((expr, path.pointer.clone()));
                    }
                    _ => self.refuse(&path.pointer, Refused::new(0, "a condition is true or false")),
                }
            }
        }
        let patients = view.patients.as_ref().map(|wanted| {
            let paths = match view.resource.as_str() {
                "Patient" => &["getResourceKey()"][..],
                _ => &OF_PATIENT,
            };
            let keys = paths.iter().filter_map(|path| {
                let (path, pointer) = ((*path).to_owned(), "/patient".to_owned());
                Some(self.expression(&PathAt { path, pointer }, &root)?.0)
            });
            (keys.collect(), Arc::clone(wanted))
        });
        let selects = view
            .selects
            .iter()
            .map(|select| self.select(select, &root, None))
            .collect();
        let mut names = HashSet::new();
        for column in &self.columns {
            if !names.insert(column.name.to_ascii_lowercase()) {
                let name = column.name.clone();
                self.faults
                    .push(Fault::new(&column.pointer, FaultKind::Duplicate { name }));
            }
        }
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        Ok(Program {
            view: table_name(view),
            resource: view.resource.clone(),
            columns: self.columns,
            wheres,
            selects,
            patients,
        })
    }

    fn refuse(&mut self, pointer: &str, refused: Refused) {
        let Refused { at, reason } = refused;
        self.faults
            .push(Fault::new(pointer, FaultKind::Expression { at, reason }));
    }

    fn expression(&mut self, path: &PathAt, scope: &Scope) -> Option<(Expr, Scope)> {
        let compiled = parse(&path.path).and_then(|ast| self.expressions().compile(&ast, scope));
        compiled
            .map_err(|refused| self.refuse(&path.pointer, refused))
            .ok()
    }

    fn expressions(&mut self) -> Expressions<'_> {
        Expressions {
            shared: self.shared,
            constants: &self.view.constants,
            resource: &self.view.resource,
        }
    }

    /// Compiles a select; a later branch of a union fills the columns of the first, which begin at `into`.
    fn select(&mut self, view: &SelectView, scope: &Scope, into: Option<usize>) -> Select {
        let (each, inside) = self.each(&view.each, scope);
        let first = into.unwrap_or(self.columns.len());
        let mut next = into;
        let mut columns = Vec::new();
        let mut row_indices = Vec::new();
        for column in &view.columns {
            let slot = next.unwrap_or(self.columns.len());
            let compiled = self.column(column, &inside, next.is_none());
            if let Some(expr) = compiled {
                if matches!(expr, Expr::RowIndex) {
                    row_indices.push(slot);
                }
                columns.push((slot, expr));
            }
            next = next.map(|next| next + 1);
        }
        let mut selects = Vec::new();
        for select in &view.selects {
            let select = self.select(select, &inside, next);
            if matches!(select.each, Each::Once) {
                row_indices.extend(&select.row_indices);
            }
            next = next.map(|_| select.range.1);
            selects.push(select);
        }
        let union = self.union(view, &inside, next);
        let last = match (union.first(), into) {
            (Some(branch), _) => branch.range.1,
            (None, Some(_)) => next.unwrap_or(first),
            (None, None) => self.columns.len(),
        };
        Select {
            each,
            pointer: view.pointer.clone(),
            columns,
            selects,
            union,
            range: (first, last),
            row_indices,
        }
    }

    fn union(&mut self, view: &SelectView, inside: &Scope, next: Option<usize>) -> Vec<Select> {
        let Some(first) = view.union.first() else {
            return Vec::new();
        };
        let start = next.unwrap_or(self.columns.len());
        let expected = names(first);
        let mut union = vec![self.select(first, inside, next)];
        for branch in view.union.iter().skip(1) {
            let here = names(branch);
            if !same_columns(&expected, &here) {
                let other_names = expected.iter().map(|c| &c.name).ne(here.iter().map(|c| &c.name));
                let named = |columns: &[&ColumnView]| {
                    let name = |c: &&ColumnView| if other_names { c.name.clone() } else { describe(c) };
                    columns.iter().map(name).collect()
                };
                let kind = FaultKind::Union {
                    first: named(&expected),
                    here: named(&here),
                };
                self.faults.push(Fault::new(&branch.pointer, kind));
                continue;
            }
            union.push(self.select(branch, inside, Some(start)));
        }
        union
    }

    fn column(&mut self, view: &ColumnView, scope: &Scope, new: bool) -> Option<Expr> {
        let compiled = self.expression(&view.path, scope);
        let known = compiled
            .as_ref()
            .map_or(Type::Unknown, |(_, scope)| scope.type_of);
        if new {
            let column_type = self.column_type(view, known);
            self.columns.push(OutColumn {
                name: view.name.clone(),
                collection: view.collection,
                column_type,
                pointer: view.pointer.clone(),
            });
        }
        compiled.map(|(expr, _)| expr)
    }

    fn column_type(&mut self, view: &ColumnView, known: Type) -> ColumnType {
        let class = match &view.type_name {
            None => known.class(),
            Some(name) => {
                let class = class_of_primitive(name).or_else(|| class_of_primitive(&lower(name)));
                if class.is_none() {
                    let name = name.clone();
                    let pointer = format!("{}/type", view.pointer);
                    self.faults.push(Fault::new(&pointer, FaultKind::Type { name }));
                }
                class
            }
        };
        match ColumnType::new(view.type_name.as_deref(), class, view.ansi.as_deref()) {
            Some(column_type) => column_type,
            None => {
                let name = view.ansi.clone().unwrap_or_default();
                let pointer = format!("{}/tag", view.pointer);
                self.faults.push(Fault::new(&pointer, FaultKind::Type { name }));
                ColumnType::default()
            }
        }
    }

    fn each(&mut self, each: &EachView, scope: &Scope) -> (Each, Scope) {
        let nowhere = || (Each::Once, Scope::values(Type::Unknown));
        match each {
            EachView::Once => (Each::Once, scope.clone()),
            EachView::ForEach(path) => match self.expression(path, scope) {
                Some((expr, inside)) => (Each::All(expr), inside),
                None => nowhere(),
            },
            EachView::ForEachOrNull(path) => match self.expression(path, scope) {
                Some((expr, inside)) => (Each::AllOrNull(expr), inside),
                None => nowhere(),
            },
            EachView::Repeat(paths) => self.repeat(paths, scope).unwrap_or_else(nowhere),
        }
    }

    fn repeat(&mut self, paths: &[PathAt], scope: &Scope) -> Option<(Each, Scope)> {
        let mut trails = Vec::new();
        for path in paths {
            let trail = parse(&path.path).and_then(|ast| trail(&ast, &mut self.shared.names));
            match trail {
                Ok(trail) => trails.push(trail),
                Err(refused) => self.refuse(&path.pointer, refused),
            }
        }
        if trails.len() < paths.len() {
            return None;
        }
        let pointer = paths.first().map_or("", |path| &path.pointer);
        let nodes = match self.shared.repeat(scope, &trails, 0) {
            Ok(nodes) => nodes,
            Err(refused) => {
                self.refuse(pointer, refused);
                return None;
            }
        };
        let inside = Scope {
            nodes,
            type_of: Type::Unknown,
            root: false,
        };
        let mut from = inside.clone();
        from.nodes.extend(&scope.nodes);
        let mut exprs = Vec::new();
        for path in paths {
            exprs.push(self.expression(path, &from)?.0);
        }
        Some((Each::Repeat(exprs), inside))
    }
}

/// The name of the view as that of a table and a file.
fn table_name(view: &ViewDefinition) -> String {
    let name = view.name.as_deref().unwrap_or_default();
    if name.is_empty() {
        return view.resource.to_lowercase();
    }
    let plain = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    plain.take(128).collect()
}

/// The names on the way of a path that is repeated; conditions on the way do not change them.
fn trail(ast: &Ast, names: &mut Names) -> Result<Vec<(String, u16)>, Refused> {
    use crate::fhirpath::Function;
    let mut trail = Vec::new();
    let mut ast = ast;
    loop {
        ast = match &ast.kind {
            Kind::This => break,
            Kind::Child(of, name) => {
                let symbol = names.symbol(name).ok_or_else(|| too_many(ast.at))?;
                trail.push((name.clone(), symbol));
                of
            }
            Kind::Call(of, Function::Where | Function::First, _) | Kind::Index(of, _) => of,
            Kind::Call(of, Function::Extension, _) => {
                let symbol = names.symbol("extension").ok_or_else(|| too_many(ast.at))?;
                trail.push(("extension".to_owned(), symbol));
                of
            }
            _ => return Err(Refused::new(ast.at, "repeat follows paths of elements")),
        };
    }
    if trail.is_empty() {
        return Err(Refused::new(ast.at, "repeat goes down to other elements"));
    }
    trail.reverse();
    Ok(trail)
}

/// `String` is FHIRPath's name of `string`.
fn lower(name: &str) -> String {
    let name = name.strip_prefix("System.").unwrap_or(name);
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// The columns of a select in the order of the rows.
fn names(view: &SelectView) -> Vec<&ColumnView> {
    let nested = view.selects.iter().flat_map(names);
    let union = view.union.first().into_iter().flat_map(names);
    view.columns.iter().chain(nested).chain(union).collect()
}

/// Whether branches of a union have the same names in the same order, and types that agree where both say theirs.
fn same_columns(first: &[&ColumnView], here: &[&ColumnView]) -> bool {
    let class = |column: &ColumnView| column.type_name.as_deref().and_then(class_of_primitive);
    let same = |(a, b): (&&ColumnView, &&ColumnView)| {
        a.name == b.name
            && a.collection == b.collection
            && match (class(a), class(b)) {
                (Some(a), Some(b)) => a == b,
                _ => true,
            }
    };
    first.len() == here.len() && first.iter().zip(here).all(same)
}

/// Name of a column with what it says of its type.
fn describe(column: &ColumnView) -> String {
    let type_name = column.type_name.as_deref();
    let type_name = type_name.map_or(String::new(), |name| format!(" ({name})"));
    let collection = if column.collection { " of many" } else { "" };
    format!("{}{type_name}{collection}", column.name)
}
