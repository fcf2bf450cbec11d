use super::{Item, Record, Recorder};
use crate::error::Limit;
use crate::plan::Plan;
use crate::rows::Rows;
use crate::tree::Element;

impl Rows {
    /// Records the elements of a resource that was read as a tree.
    pub(crate) fn outline_tree(
        &mut self,
        plan: &Plan,
        root: u32,
        resource: &Element<'_>,
        most: usize,
    ) -> Result<(), Limit> {
        let Some(mut recorder) = self.recorder(true) else {
            return Ok(());
        };
        recorder.below(plan, root, resource, most)?;
        recorder.finish();
        Ok(())
    }
}

impl Recorder<'_> {
    /// Records what lies along the plan below an element. Recursion is bounded by the limit of depth, which the tree was
    /// read under.
    fn below(&mut self, plan: &Plan, node: u32, parent: &Element<'_>, most: usize) -> Result<(), Limit> {
        for child in &parent.children {
            let Some(number) = plan.child(node, &child.name) else {
                continue;
            };
            let Some(element) = plan.node(number) else {
                continue;
            };
            if self.pushed() >= most {
                return Err(Limit::Entries);
            }
            let entered = self.begin(element.symbol, child.position, false);
            if let Some(value) = child.attribute("value") {
                self.set(entered, value)?;
            }
            for name in ["id", "url"] {
                let below = plan.child(number, name).and_then(|below| plan.node(below));
                if let (Some(below), Some(value)) = (below, child.attribute(name)) {
                    let entered = self.begin(below.symbol, 1, false);
                    self.set(entered, value)?;
                }
            }
            match child.children.as_slice() {
                [resource] if element.holds_resource() && is_type(&resource.name) => {
                    self.set(entered, &resource.name)?;
                    self.below(plan, number, resource, most)?;
                }
                _ => self.below(plan, number, child, most)?,
            }
            self.leave(entered);
        }
        Ok(())
    }

    fn set(&mut self, entered: u32, text: &str) -> Result<(), Limit> {
        let start = self.keep(text)?;
        if let Some(item) = self.items.get_mut(self.first + entered as usize) {
            (item.start, item.len) = (start, text.len() as u32);
            debug_assert!(item.len != Item::NONE, "pages are shorter");
        }
        Ok(())
    }
}

fn is_type(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
}
