use std::collections::BTreeSet;

use fhir_crack::outline::{NodeId, Symbol};

use super::Shared;
use super::choice::{TYPES, typed_name};
use super::types::Type;
use crate::fhirpath::Refused;

/// Elements of the plan, at most; each costs memory for every thread.
const NODES: usize = 100_000;

/// Where in the plan an expression is evaluated, and what is known of the values there.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) nodes: BTreeSet<NodeId>,
    pub(crate) type_of: Type,
    /// Whether it is the resource itself.
    pub(crate) root: bool,
}

impl Scope {
    pub(crate) fn of(node: NodeId) -> Self {
        Self {
            nodes: BTreeSet::from([node]),
            type_of: Type::Unknown,
            root: true,
        }
    }

    /// Values that are no elements.
    pub(crate) fn values(type_of: Type) -> Self {
        Self {
            nodes: BTreeSet::new(),
            type_of,
            root: false,
        }
    }
}

pub(crate) fn too_many(at: usize) -> Refused {
    Refused::new(at, "the views name too many elements")
}

impl Shared {
    /// Records the element of this name below all nodes.
    pub(crate) fn children(
        &mut self,
        nodes: &BTreeSet<NodeId>,
        name: &str,
        symbol: Symbol,
        at: usize,
    ) -> Result<BTreeSet<NodeId>, Refused> {
        let mut children = BTreeSet::new();
        for &node in nodes {
            let child = self.plan.child(node, name, symbol);
            children.insert(child.map_err(|_| Refused::new(at, "the path has too many segments"))?);
        }
        if self.plan.nodes() > NODES {
            return Err(too_many(at));
        }
        Ok(children)
    }

    /// Records an element under its name and with every type behind it.
    pub(crate) fn choices(
        &mut self,
        nodes: &BTreeSet<NodeId>,
        name: &str,
        first: Symbol,
        at: usize,
    ) -> Result<BTreeSet<NodeId>, Refused> {
        let plain = self.names.symbol(name).ok_or_else(|| too_many(at))?;
        let mut children = self.children(nodes, name, plain, at)?;
        for (symbol, type_name) in (first + 1..).zip(TYPES) {
            children.extend(self.children(nodes, &typed_name(name, type_name), symbol, at)?);
        }
        Ok(children)
    }

    /// Lets elements that are reached again and again by the same paths be recorded however deep they are. `paths` are
    /// the names on each way, those of an element of several types left out.
    pub(crate) fn repeat(
        &mut self,
        scope: &Scope,
        paths: &[Vec<(String, Symbol)>],
        at: usize,
    ) -> Result<BTreeSet<NodeId>, Refused> {
        let mut ends = Vec::new();
        for path in paths {
            let mut nodes = scope.nodes.clone();
            for (name, symbol) in path {
                nodes = self.children(&nodes, name, *symbol, at)?;
            }
            ends.push(nodes);
        }
        let mut all: BTreeSet<NodeId> = ends.iter().flatten().copied().collect();
        let mut left: Vec<NodeId> = all.iter().copied().collect();
        while let Some(node) = left.pop() {
            for (path, ends) in paths.iter().zip(&ends) {
                let Some(((last, _), before)) = path.split_last() else {
                    continue;
                };
                let mut nodes = BTreeSet::from([node]);
                for (name, symbol) in before {
                    nodes = self.children(&nodes, name, *symbol, at)?;
                }
                for node in nodes {
                    let Some(&end) = ends.first() else { continue };
                    self.plan.link(node, end);
                    let reached = self.plan.find(node, last).unwrap_or(end);
                    if all.insert(reached) {
                        left.push(reached);
                    }
                }
            }
        }
        Ok(all)
    }
}
