use super::scan::{Scan, StringSpan};
use super::unescape::unescape;
use crate::error::Limit;
use crate::halt::Halt;
use crate::keys::{Learned, Target};
use crate::limits::Limits;
use crate::plan::{Node, Plan};
use crate::rows::Rows;

/// Walks a resource along the plan and pushes the values met. Recursion follows the plan's paths, never the input.
pub(crate) struct Walk<'a, 'w> {
    pub(crate) scan: Scan<'a>,
    pub(crate) plan: &'w Plan,
    pub(crate) rows: &'w mut Rows,
    pub(crate) learned: &'w mut Learned,
    pub(crate) limits: &'w Limits,
    /// The repetition at every level of the path to here.
    pub(crate) index: [u32; Limits::PATH_SEGMENTS],
}

impl Walk<'_, '_> {
    /// Walks the members of an object, its opening bracket taken, `depth` elements being open with it.
    pub(crate) fn object(&mut self, node: u32, depth: u32) -> Result<(), Halt> {
        self.learned.parents += 1;
        let object = self.learned.parents;
        if self.scan.closes(b'}')? {
            return Ok(());
        }
        let mut last = 0;
        loop {
            let target = self.key(node, object, &mut last)?;
            match target {
                Target::Skip => self.scan.skip(depth, self.limits.depth)?,
                Target::Element(child) => self.element(child, depth, true)?,
                Target::Extension(child) => self.element(child, depth, false)?,
                Target::Attribute => self.attribute(node, depth)?,
            }
            if !self.scan.more(b'}', "a comma or the end of the object")? {
                return Ok(());
            }
        }
    }

    /// Takes a member's name and colon and finds what it leads to.
    #[inline]
    fn key(&mut self, node: u32, object: u64, last: &mut usize) -> Result<Target, Halt> {
        self.scan.peek()?;
        let start = self.scan.pos;
        let keys = self
            .learned
            .keys(node)
            .ok_or(Halt::Syntax("an element of the plan", start))?;
        let rest = self.scan.bytes.get(start..).unwrap_or_default();
        let slot = match keys.predicted(*last, rest) {
            Some((slot, len)) => {
                self.scan.pos = start + len;
                Some(slot)
            }
            None => {
                let name = self.scan.string()?;
                if name.escaped {
                    let mut quoted = String::from("\"");
                    unescape(self.scan.slice(name.start, name.end), name.start, &mut quoted)?;
                    quoted.push('"');
                    keys.find(*last, quoted.as_bytes())
                } else {
                    keys.find(
                        *last,
                        self.scan.bytes.get(start..self.scan.pos).unwrap_or_default(),
                    )
                }
            }
        };
        self.scan.expect(b':', "a colon")?;
        let Some(key) = slot.and_then(|slot| keys.key(slot)) else {
            return Ok(Target::Skip);
        };
        if key.parent == object {
            return Err(Halt::Duplicate(start));
        }
        key.parent = object;
        *last = slot.map_or(0, |slot| slot + 1);
        Ok(key.target)
    }

    /// Walks the value of an element: one, or an array of repetitions. `values` is false for the `_name` of a primitive,
    /// which has extensions at the repetition's place but no value.
    fn element(&mut self, node: u32, depth: u32, values: bool) -> Result<(), Halt> {
        let element = self
            .plan
            .node(node)
            .ok_or(Halt::Syntax("an element of the plan", self.scan.pos))?;
        let level = element.depth as usize - 1;
        if self.scan.peek()? != b'[' {
            self.set(level, 1);
            return self.repetition(node, element, depth, values);
        }
        let depth = self.open(depth)?;
        self.scan.pos += 1;
        if self.scan.closes(b']')? {
            return Ok(());
        }
        let mut repetition = 0_u32;
        loop {
            repetition = repetition
                .checked_add(1)
                .ok_or(Halt::Limit(Limit::Entries, self.scan.pos))?;
            self.set(level, repetition);
            self.repetition(node, element, depth, values)?;
            if !self.scan.more(b']', "a comma or the end of the array")? {
                return Ok(());
            }
        }
    }

    fn set(&mut self, level: usize, repetition: u32) {
        if let Some(number) = self.index.get_mut(level) {
            *number = repetition;
        }
    }

    fn open(&self, depth: u32) -> Result<u32, Halt> {
        if depth >= self.limits.depth {
            return Err(Halt::Limit(Limit::Depth, self.scan.pos));
        }
        Ok(depth + 1)
    }

    fn repetition(&mut self, node: u32, element: &Node, depth: u32, values: bool) -> Result<(), Halt> {
        let wanted = values && !element.sinks.is_empty();
        match self.scan.peek()? {
            b'"' => {
                self.scan.pos += 1;
                let string = self.scan.string_rest()?;
                if wanted {
                    self.push(element, string)
                } else {
                    Ok(())
                }
            }
            b'{' if element.children.is_empty() && !element.is_extension() => {
                self.scan.skip(depth, self.limits.depth)
            }
            b'{' => {
                let depth = self.open(depth)?;
                self.scan.pos += 1;
                if element.holds_resource() {
                    self.contained(node, depth)
                } else {
                    self.object(node, depth)
                }
            }
            b'[' => self.scan.skip(depth, self.limits.depth),
            b'-' | b'0'..=b'9' => {
                let (start, end) = self.scan.number()?;
                if wanted {
                    self.push_span(element, start, end)
                } else {
                    Ok(())
                }
            }
            byte => {
                let (start, end) = self.scan.literal()?;
                if wanted && byte != b'n' {
                    self.push_span(element, start, end)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// A contained resource: in XML its type is an element, so it takes a segment of the path. Other elements have such
    /// names as well (`Procedure.outcome`); those have no type.
    fn contained(&mut self, node: u32, depth: u32) -> Result<(), Halt> {
        let Some(name) = self.scan.resource_type(depth, self.limits.depth)? else {
            return self.object(node, depth);
        };
        let inside = self.plan.child(node, self.scan.slice(name.start, name.end));
        match inside.and_then(|node| self.plan.node(node).map(|element| (node, element.depth))) {
            Some((inside, level)) => {
                self.set(level as usize - 1, 1);
                self.object(inside, depth)
            }
            None => self.scan.skip_members(depth, self.limits.depth),
        }
    }

    /// The `url` of an extension: its place is that of the extension itself.
    fn attribute(&mut self, node: u32, depth: u32) -> Result<(), Halt> {
        if self.scan.peek()? != b'"' {
            return self.scan.skip(depth, self.limits.depth);
        }
        self.scan.pos += 1;
        let string = self.scan.string_rest()?;
        let Some(element) = self.plan.node(node) else {
            return Ok(());
        };
        if !element.sinks.is_empty() {
            self.push(element, string)?;
        }
        match element.url.and_then(|url| self.plan.node(url)) {
            Some(url) => {
                self.set(element.depth as usize, 1);
                self.push(url, string)
            }
            None => Ok(()),
        }
    }

    #[inline]
    fn push(&mut self, element: &Node, string: StringSpan) -> Result<(), Halt> {
        if !string.escaped {
            return self.push_span(element, string.start, string.end);
        }
        let arena = &mut self.rows.store.arena;
        let start = arena.len();
        let raw = self.scan.text.get(string.start..string.end).unwrap_or_default();
        unescape(raw, string.start, arena)?;
        let len = arena.len() - start;
        if arena.len() > Limits::CHUNK_BYTES {
            return Err(Halt::Limit(Limit::PageBytes, string.start));
        }
        self.push_at(element, start as u32 | crate::store::ARENA, len as u32)
    }

    #[inline]
    fn push_span(&mut self, element: &Node, start: usize, end: usize) -> Result<(), Halt> {
        self.push_at(element, start as u32, (end - start) as u32)
    }

    #[inline]
    fn push_at(&mut self, element: &Node, start: u32, len: u32) -> Result<(), Halt> {
        if self.rows.pushed() >= self.limits.entries as usize {
            return Err(Halt::Limit(Limit::Entries, self.scan.pos));
        }
        let index = self.index.get(..element.depth as usize).unwrap_or_default();
        self.rows.push(&element.sinks, index, start, len);
        Ok(())
    }
}
