//! Paths compiled once to a trie of element names.

mod trie;

use std::fmt;
use std::sync::Arc;

use table_description::{Description, TableDescription};

use crate::Error;
use crate::xpath::XPath;
use trie::Refused;
pub(crate) use trie::{Node, Sink};

/// The paths of a description, compiled once to a trie a resource type, to be walked once a resource.
///
/// Cheap to share between threads in an [`Arc`].
pub struct Plan {
    pub(crate) tables: Vec<TablePlan>,
    pub(crate) types: Vec<TypePlan>,
    pub(crate) nodes: Vec<Node>,
    /// Columns of all tables, hidden ones included.
    pub(crate) columns: usize,
    /// Whether elements are recorded instead of the values of columns.
    pub(crate) outlines: bool,
}

/// A table and where its columns are among those of all tables.
pub(crate) struct TablePlan {
    pub(crate) description: Arc<TableDescription>,
    /// Position of the first column.
    pub(crate) first: usize,
    /// The `id` by which rows are told apart where no path asks for one; not part of the batch.
    pub(crate) hidden: Option<u32>,
    /// Whether the table lists no column and so takes all elements.
    pub(crate) all: bool,
}

/// A resource type and what it fills.
pub(crate) struct TypePlan {
    pub(crate) name: String,
    pub(crate) root: u32,
    pub(crate) tables: Vec<u32>,
    /// Columns the path of which is more than element names, looked up in a tree of the resource.
    pub(crate) searched: Vec<(Sink, XPath)>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("tables", &self.tables.len())
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// Compiles the tables of resource types; internal tables and calculated columns take nothing from a resource.
    ///
    /// # Errors
    /// [`ErrorKind::Path`](crate::ErrorKind::Path) if a column's path cannot be followed.
    pub fn new(description: &Description) -> Result<Self, Error> {
        let mut plan = Self {
            tables: Vec::new(),
            types: Vec::new(),
            nodes: Vec::new(),
            columns: 0,
            outlines: false,
        };
        for table in description.resources() {
            plan.add_table(table)?;
        }
        for table in 0..plan.tables.len() {
            plan.add_hidden_id(table);
        }
        Ok(plan)
    }

    /// The tables the plan fills, in the order of the description.
    pub fn tables(&self) -> impl ExactSizeIterator<Item = &Arc<TableDescription>> {
        self.tables.iter().map(|t| &t.description)
    }

    /// The type of this name, if any table wants it.
    pub(crate) fn type_of(&self, name: &str) -> Option<u32> {
        self.types.iter().position(|t| t.name == name).map(|t| t as u32)
    }

    fn add_table(&mut self, table: &Arc<TableDescription>) -> Result<(), Error> {
        let Some(resource) = table.resource.as_deref() else {
            return Ok(());
        };
        let number = self.tables.len() as u32;
        let first = self.columns;
        let of_type = self.type_or_new(resource);
        if let Some(t) = self.types.get_mut(of_type) {
            t.tables.push(number);
        }
        let root = self.types.get(of_type).map_or(0, |t| t.root);
        for (offset, column) in table.columns.iter().enumerate() {
            if !column.is_calculated() {
                let sink = Sink {
                    column: (first + offset) as u32,
                    table: number,
                };
                self.add_column(of_type, root, column.path().as_str(), sink)
                    .map_err(|reason| reason.of(table, column))?;
            }
        }
        self.columns += table.columns.len();
        self.tables.push(TablePlan {
            description: Arc::clone(table),
            first,
            hidden: None,
            all: table.columns.is_empty(),
        });
        Ok(())
    }

    fn type_or_new(&mut self, resource: &str) -> usize {
        if let Some(known) = self.type_of(resource) {
            return known as usize;
        }
        let root = self.nodes.len() as u32;
        self.nodes.push(Node::root());
        self.types.push(TypePlan {
            name: resource.to_owned(),
            root,
            tables: Vec::new(),
            searched: Vec::new(),
        });
        self.types.len() - 1
    }

    /// A path of element names goes into the trie; one with predicates and the like is searched for in a tree.
    fn add_column(&mut self, of_type: usize, root: u32, path: &str, sink: Sink) -> Result<(), Refused> {
        if path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/') {
            return self.add_path(root, path, sink);
        }
        let path = XPath::parse(path).map_err(Refused::path)?;
        if let Some(of_type) = self.types.get_mut(of_type) {
            of_type.searched.push((sink, path));
        }
        Ok(())
    }

    /// fhircrackr keeps rows apart by the resource's id, but only where no path has the letters `id` in it.
    fn add_hidden_id(&mut self, table: usize) {
        let Some(plan) = self.tables.get(table) else {
            return;
        };
        if plan.all
            || plan
                .description
                .columns
                .iter()
                .any(|c| c.path().as_str().contains("id"))
        {
            return;
        }
        let column = self.columns as u32;
        let root = self
            .types
            .iter()
            .find(|t| t.tables.contains(&(table as u32)))
            .map(|t| t.root);
        if let Some(root) = root
            && self
                .add_path(
                    root,
                    "id",
                    Sink {
                        column,
                        table: table as u32,
                    },
                )
                .is_ok()
        {
            self.columns += 1;
            if let Some(plan) = self.tables.get_mut(table) {
                plan.hidden = Some(column);
            }
        }
    }
}
