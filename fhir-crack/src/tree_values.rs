//! Values of a resource that was read as a tree: what a walk along the plan cannot see, and all of it where all attributes
//! or all columns are wanted.

use std::collections::HashSet;
use std::ptr;

use crate::error::Limit;
use crate::halt::Halt;
use crate::options::Attributes;
use crate::plan::{Node, Sink, TypePlan};
use crate::tree::Element;
use crate::work::Work;

impl Work<'_> {
    /// Whether resources of a type have to be read as a tree, besides or instead of a walk.
    pub(crate) fn needs_tree(&self, of_type: &TypePlan) -> bool {
        !self.walks() || !of_type.searched.is_empty() || self.all_tables(of_type).next().is_some()
    }

    /// Whether a walk sees what is wanted of plain paths: values, no other attributes.
    pub(crate) fn walks(&self) -> bool {
        self.options.attributes == Attributes::Values
    }

    fn all_tables(&self, of_type: &TypePlan) -> impl Iterator<Item = u32> {
        let tables = &self.plan.tables;
        of_type
            .tables
            .iter()
            .copied()
            .filter(|&table| tables.get(table as usize).is_some_and(|t| t.all))
    }

    /// Pushes the values of a resource; those of plain paths only if the resource was not `walked`. `at` is where it
    /// stands in the page.
    pub(crate) fn push_resource(
        &mut self,
        number: u32,
        resource: &Element<'_>,
        walked: bool,
        at: usize,
    ) -> Result<(), Halt> {
        let plan = self.plan;
        let Some(of_type) = plan.types.get(number as usize) else {
            return Ok(());
        };
        if self.rows.records() {
            let most = self.options.limits.entries as usize;
            let recorded = self.rows.outline_tree(plan, of_type.root, resource, most);
            return recorded.map_err(|limit| Halt::limit(limit, at));
        }
        if self.options.refuse_shared_values && !self.walks() && self.shares_values(of_type, resource) {
            return Err(Halt::Shared(at as u32));
        }
        self.push_values(of_type, resource, walked)
            .map_err(|limit| Halt::limit(limit, at))
    }

    /// Whether two columns of a table take the attributes of the same element.
    fn shares_values(&self, of_type: &TypePlan, resource: &Element<'_>) -> bool {
        let mut taken = HashSet::new();
        let mut shared = false;
        let mut take = |sinks: &[Sink], element: &Element<'_>| {
            let any = !element.attributes.is_empty();
            shared |= any
                && !sinks
                    .iter()
                    .all(|sink| taken.insert((sink.table, ptr::from_ref(element).addr())));
        };
        self.elements(of_type.root, resource, &mut take);
        for (sink, path) in &of_type.searched {
            for node in path.select(resource) {
                take(&[*sink], node.element);
            }
        }
        shared
    }

    /// The elements below a resource that lie along the plan, with the columns that end at each.
    fn elements(&self, node: u32, parent: &Element<'_>, take: &mut impl FnMut(&[Sink], &Element<'_>)) {
        for child in &parent.children {
            let number = self.plan.child(node, &child.name);
            let Some((number, element)) = number.and_then(|n| self.plan.node(n).map(|node| (n, node))) else {
                continue;
            };
            take(&element.sinks, child);
            self.elements(number, child, take);
        }
    }

    fn push_values(&mut self, of_type: &TypePlan, resource: &Element<'_>, walked: bool) -> Result<(), Limit> {
        if !walked {
            self.push_plain(of_type.root, resource, &mut Vec::new())?;
        }
        for (sink, path) in &of_type.searched {
            for node in path.select(resource) {
                self.push_attributes(&[*sink], &node.index, node.element)?;
            }
        }
        let all: Vec<u32> = self.all_tables(of_type).collect();
        for table in all {
            self.push_all(table, resource, &mut String::new(), &mut Vec::new())?;
        }
        Ok(())
    }

    /// Pushes the values that lie along the plan. Recursion follows the plan's paths.
    fn push_plain(&mut self, node: u32, parent: &Element<'_>, index: &mut Vec<u32>) -> Result<(), Limit> {
        let plan = self.plan;
        for child in &parent.children {
            let Some(number) = plan.child(node, &child.name) else {
                continue;
            };
            let Some(element) = plan.node(number) else {
                continue;
            };
            index.push(child.position);
            self.push_attributes(&element.sinks, index, child)?;
            self.push_url(element, index, child)?;
            self.push_plain(number, child, index)?;
            index.pop();
        }
        Ok(())
    }

    /// The `url` of an extension as the member it is in JSON; fhircrackr knows it as an attribute only.
    fn push_url(&mut self, element: &Node, index: &mut Vec<u32>, child: &Element<'_>) -> Result<(), Limit> {
        let plan = self.plan;
        let url = element
            .url
            .filter(|_| self.walks())
            .and_then(|url| plan.node(url));
        if let (Some(url), Some(value)) = (url, child.attribute("url")) {
            index.push(1);
            self.push(&url.sinks, index, value)?;
            index.pop();
        }
        Ok(())
    }

    /// Pushes the attributes of an element that are wanted, in the order written.
    fn push_attributes(&mut self, sinks: &[Sink], index: &[u32], element: &Element<'_>) -> Result<(), Limit> {
        for (name, value) in &element.attributes {
            if sinks.is_empty() || !self.wants(element, name) {
                continue;
            }
            if self.options.attributes != Attributes::Separate {
                self.push(sinks, index, value)?;
                continue;
            }
            for sink in sinks {
                let sink = self.separate(*sink, name)?;
                self.push(&[sink], index, value)?;
            }
        }
        Ok(())
    }

    fn wants(&self, element: &Element<'_>, attribute: &str) -> bool {
        let is_extension = || matches!(&*element.name, "extension" | "modifierExtension");
        self.options.attributes != Attributes::Values
            || attribute == "value"
            || attribute == "url" && is_extension()
    }

    /// The column of an attribute of a column.
    fn separate(&mut self, sink: Sink, attribute: &str) -> Result<Sink, Limit> {
        let Some(table) = self.plan.tables.get(sink.table as usize) else {
            return Ok(sink);
        };
        let column = (sink.column as usize).checked_sub(table.first);
        match column.and_then(|column| table.description.columns.get(column)) {
            Some(column) => self
                .rows
                .column(sink.table, &format!("{}@{attribute}", column.name)),
            None => Ok(sink),
        }
    }

    /// Pushes every attribute below an element, each to the column named by its path. Recursion is bounded by the limit
    /// of depth, which the tree was read under.
    fn push_all(
        &mut self,
        table: u32,
        element: &Element<'_>,
        path: &mut String,
        index: &mut Vec<u32>,
    ) -> Result<(), Limit> {
        for (name, value) in &element.attributes {
            if self.wants(element, name) {
                let sink = if self.options.attributes == Attributes::Separate {
                    self.rows.column(table, &format!("{path}@{name}"))?
                } else {
                    self.rows.column(table, path)?
                };
                self.push(&[sink], index, value)?;
            }
        }
        for child in &element.children {
            if child.name == "div" && element.name == "text" && !self.options.narrative {
                continue;
            }
            let length = path.len();
            if length > 0 {
                path.push('.');
            }
            path.push_str(&child.name);
            index.push(child.position);
            self.push_all(table, child, path, index)?;
            index.pop();
            path.truncate(length);
        }
        Ok(())
    }
}
