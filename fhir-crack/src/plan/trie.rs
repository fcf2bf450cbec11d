use table_description::{Column, TableDescription};

use super::Plan;
use crate::error::{Error, ErrorKind, Limit};
use crate::limits::Limits;

/// An element name below another, with the columns that end here.
pub(crate) struct Node {
    pub(crate) name: Box<str>,
    /// Path segments from the resource to here.
    pub(crate) depth: u32,
    pub(crate) children: Vec<u32>,
    pub(crate) sinks: Vec<Sink>,
    /// The child `url` of an extension: in XML an attribute of the extension, in JSON a member like any other.
    pub(crate) url: Option<u32>,
    /// What the element is called in an outline.
    pub(crate) symbol: u16,
}

/// A column, by its place among those of all tables, and its table.
#[derive(Clone, Copy)]
pub(crate) struct Sink {
    pub(crate) column: u32,
    pub(crate) table: u32,
}

impl Node {
    pub(crate) fn root() -> Self {
        Self {
            name: "".into(),
            depth: 0,
            children: Vec::new(),
            sinks: Vec::new(),
            url: None,
            symbol: 0,
        }
    }

    /// Whether the element is an extension, the `url` of which is an attribute in XML.
    pub(crate) fn is_extension(&self) -> bool {
        matches!(&*self.name, "extension" | "modifierExtension")
    }

    /// Whether the element is a resource, the `id` of which is an element; that of any other element is an attribute.
    pub(crate) fn is_resource(&self) -> bool {
        self.depth == 0 || self.name.starts_with(|c: char| c.is_ascii_uppercase())
    }

    /// Whether the `url` of the element is wanted.
    pub(crate) fn wants_url(&self) -> bool {
        self.is_extension() && !self.sinks.is_empty() || self.url.is_some()
    }

    /// Whether the element holds a whole resource: its type is a path segment in XML and a member in JSON.
    pub(crate) fn holds_resource(&self) -> bool {
        matches!(&*self.name, "contained" | "resource" | "outcome")
    }
}

/// Why a path cannot be followed.
pub(crate) struct Refused(ErrorReason);

enum ErrorReason {
    Path(&'static str),
    Limit(Limit),
}

impl Refused {
    pub(crate) fn path(reason: &'static str) -> Self {
        Self(ErrorReason::Path(reason))
    }

    pub(crate) fn of(self, table: &TableDescription, column: &Column) -> Error {
        Error::new(match self.0 {
            ErrorReason::Path(reason) => ErrorKind::Path {
                table: table.name.clone(),
                column: column.name.clone(),
                reason,
            },
            ErrorReason::Limit(limit) => ErrorKind::Limit(limit),
        })
    }
}

impl Plan {
    pub(crate) fn node(&self, node: u32) -> Option<&Node> {
        self.nodes.get(node as usize)
    }

    /// The child of this name.
    pub(crate) fn child(&self, node: u32, name: &str) -> Option<u32> {
        let children = &self.node(node)?.children;
        children
            .iter()
            .copied()
            .find(|&c| self.node(c).is_some_and(|n| &*n.name == name))
    }

    /// Puts a plain path of element names into the trie below `root`.
    pub(crate) fn add_path(&mut self, root: u32, path: &str, sink: Sink) -> Result<(), Refused> {
        let mut node = root;
        for (level, name) in path.split('/').enumerate() {
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(Refused::path("only element names, separated by slashes"));
            }
            if level == Limits::PATH_SEGMENTS {
                return Err(Refused(ErrorReason::Limit(Limit::PathSegments)));
            }
            node = match self.child(node, name) {
                Some(child) => child,
                None => self.add_child(node, name, level as u32 + 1),
            };
        }
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.sinks.push(sink);
        }
        Ok(())
    }

    pub(crate) fn add_child(&mut self, parent: u32, name: &str, depth: u32) -> u32 {
        let child = self.nodes.len() as u32;
        self.nodes.push(Node {
            name: name.into(),
            depth,
            children: Vec::new(),
            sinks: Vec::new(),
            url: None,
            symbol: 0,
        });
        if let Some(parent) = self.nodes.get_mut(parent as usize) {
            parent.children.push(child);
            if name == "url" && parent.is_extension() {
                parent.url = Some(child);
            }
        }
        child
    }
}
