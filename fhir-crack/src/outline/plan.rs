use std::fmt;
use std::sync::Arc;

use table_description::{MeltMode, TableDescription};

use crate::error::{Error, ErrorKind, Limit};
use crate::limits::Limits;
use crate::plan::{Node, Plan, Sink, TablePlan, TypePlan};

/// What an element is called in an outline; the caller gives out the numbers, 0 is the resource itself.
pub type Symbol = u16;

/// An element of an [`OutlinePlan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

/// Which elements of which resources are to be recorded. An element may hold itself ([`OutlinePlan::link`]).
pub struct OutlinePlan {
    plan: Plan,
}

impl fmt::Debug for OutlinePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutlinePlan")
            .field("nodes", &self.plan.nodes.len())
            .finish()
    }
}

impl Default for OutlinePlan {
    fn default() -> Self {
        Self {
            plan: Plan {
                tables: Vec::new(),
                types: Vec::new(),
                nodes: Vec::new(),
                columns: 0,
                outlines: true,
            },
        }
    }
}

impl OutlinePlan {
    /// The resource of a type, made if there is none yet. The batches of a plan are one a type, in this order.
    pub fn resource(&mut self, name: &str) -> NodeId {
        if let Some(known) = self.plan.types.iter().find(|t| t.name == name) {
            return NodeId(known.root);
        }
        let root = self.plan.nodes.len() as u32;
        self.plan.nodes.push(Node::root());
        self.plan.types.push(TypePlan {
            name: name.to_owned(),
            root,
            tables: vec![self.plan.tables.len() as u32],
            searched: Vec::new(),
        });
        self.plan.tables.push(TablePlan {
            description: Arc::new(TableDescription {
                name: name.to_owned(),
                resource: Some(name.to_owned()),
                prefix: String::new(),
                columns: Vec::new(),
                melt: MeltMode::default(),
            }),
            first: 0,
            hidden: None,
            all: false,
        });
        NodeId(root)
    }

    /// The element of this name below another, if it is recorded already.
    #[must_use]
    pub fn find(&self, node: NodeId, name: &str) -> Option<NodeId> {
        self.plan.child(node.0, name).map(NodeId)
    }

    /// The element of this name below another, made if there is none yet; it is recorded under `symbol`.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] if it would be nested too deeply.
    pub fn child(&mut self, node: NodeId, name: &str, symbol: Symbol) -> Result<NodeId, Error> {
        if let Some(known) = self.find(node, name) {
            return Ok(known);
        }
        let depth = self.plan.node(node.0).map_or(0, |node| node.depth) + 1;
        if depth as usize > Limits::PATH_SEGMENTS {
            return Err(Error::new(ErrorKind::Limit(Limit::PathSegments)));
        }
        let child = self.plan.add_child(node.0, name, depth);
        if let Some(node) = self.plan.nodes.get_mut(child as usize) {
            node.symbol = symbol;
            // The url of an extension counts as its value in columns only.
            if !node.is_extension() {
                node.sinks.push(Sink { column: 0, table: 0 });
            }
        }
        Ok(NodeId(child))
    }

    /// Says that below `node` an element of the name of `to` is to be recorded as `to` is, with all that is below it.
    pub fn link(&mut self, node: NodeId, to: NodeId) {
        let name = self.plan.node(to.0).map(|node| node.name.clone());
        let Some(name) = name.filter(|name| self.find(node, name).is_none()) else {
            return;
        };
        if let Some(parent) = self.plan.nodes.get_mut(node.0 as usize) {
            parent.children.push(to.0);
            if &*name == "url" && parent.is_extension() {
                parent.url = Some(to.0);
            }
        }
    }

    /// How many elements are recorded, resources among them.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.plan.nodes.len()
    }

    /// The plan to crack with; [`Batch::outline`](crate::Batch::outline) then has what was recorded. Rows equal to an
    /// earlier one cannot be told, so [`Duplicates::Keep`](crate::Duplicates::Keep) is wanted.
    #[must_use]
    pub fn finish(self) -> Plan {
        self.plan
    }
}
