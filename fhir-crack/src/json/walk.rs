use super::scan::{Scan, StringSpan};
use super::unescape::unescape;
use crate::error::Limit;
use crate::halt::{Expected, Halt};
use crate::index_path::IndexPath;
use crate::keys::{Keys, Learned, Target};
use crate::limits::Limits;
use crate::outline::{Record, Token};
use crate::plan::{Node, Plan};

/// Walks a resource along the plan and pushes the values met. Recursion follows the plan's paths, never the input.
pub(crate) struct Walk<'a, 'w, R> {
    pub(crate) scan: Scan<'a>,
    pub(crate) plan: &'w Plan,
    pub(crate) rows: &'w mut R,
    pub(crate) learned: &'w mut Learned,
    pub(crate) limits: &'w Limits,
    pub(crate) index: IndexPath,
}

impl<R: Record> Walk<'_, '_, R> {
    /// Walks the members of an object, its opening bracket taken, `depth` elements being open with it.
    pub(crate) fn object(&mut self, node: u32, depth: u32) -> Result<(), Halt> {
        let plan = self.plan;
        let mut keys = self.learned.take(node, || Keys::json(plan, node));
        let walked = self.members(&mut keys, node, depth);
        self.learned.put(node, keys);
        walked
    }

    fn members(&mut self, keys: &mut Keys, node: u32, depth: u32) -> Result<(), Halt> {
        self.learned.parents += 1;
        let object = self.learned.parents;
        if self.scan.closes(b'}')? {
            return Ok(());
        }
        let mut last = 0;
        loop {
            match self.key(keys, object, &mut last)? {
                Target::Skip => self.scan.skip(depth, self.limits.depth)?,
                Target::Element(child) => self.value(child, depth)?,
                Target::Extension(child) => self.element(child, depth, false)?,
                Target::Attribute => self.attribute(node, depth)?,
            }
            if !self.scan.more(b'}', Expected::Member)? {
                return Ok(());
            }
        }
    }

    /// Takes a member's name and colon and finds what it leads to.
    #[inline(always)]
    fn key(&mut self, keys: &mut Keys, object: u64, last: &mut usize) -> Result<Target, Halt> {
        self.scan.peek()?;
        let start = self.scan.pos;
        let rest = self.scan.bytes.get(start..).unwrap_or_default();
        let slot = match keys.predicted(*last, rest) {
            Some((slot, length)) => {
                self.scan.pos = start + length;
                slot
            }
            None => match self.new_key(keys, *last)? {
                Some(slot) => slot,
                None => return Ok(Target::Skip),
            },
        };
        *last = slot;
        let Some(key) = keys.key(slot) else {
            return Ok(Target::Skip);
        };
        if key.parent == object {
            return Err(Halt::duplicate(start));
        }
        key.parent = object;
        Ok(key.target)
    }

    /// Takes a name that is not the one expected, or is not written as expected.
    fn new_key(&mut self, keys: &mut Keys, last: usize) -> Result<Option<usize>, Halt> {
        let name = self.scan.string()?;
        if !name.escaped() && self.scan.bytes.get(self.scan.pos) == Some(&b':') {
            self.scan.pos += 1;
            let token = self
                .scan
                .bytes
                .get(name.start() - 1..self.scan.pos)
                .unwrap_or_default();
            return Ok(keys.find(last, token));
        }
        let mut token = String::from("\"");
        unescape(
            self.scan.slice(name.start(), name.end()),
            name.start(),
            &mut token,
        )?;
        token.push_str("\":");
        self.scan.expect(b':', Expected::Colon)?;
        Ok(keys.find(last, token.as_bytes()))
    }

    /// Walks the value of an element, the common kind first: a string that is wanted.
    #[inline(always)]
    fn value(&mut self, node: u32, depth: u32) -> Result<(), Halt> {
        let plan = self.plan;
        if self.scan.peek()? == b'"'
            && let Some(element) = plan.node(node)
        {
            self.scan.pos += 1;
            let string = self.scan.string_rest()?;
            if element.sinks.is_empty() {
                return Ok(());
            }
            self.index.set(element.depth as usize - 1, 1);
            return self.push(element, string);
        }
        self.element(node, depth, true)
    }

    /// Walks the value of an element: one, or an array of repetitions. `values` is false for the `_name` of a primitive,
    /// which has extensions at the repetition's place but no value.
    fn element(&mut self, node: u32, depth: u32, values: bool) -> Result<(), Halt> {
        let element = self
            .plan
            .node(node)
            .ok_or(Halt::syntax(Expected::Planned, self.scan.pos))?;
        let level = element.depth as usize - 1;
        if self.scan.peek()? != b'[' {
            self.index.set(level, 1);
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
                .ok_or(Halt::limit(Limit::Entries, self.scan.pos))?;
            self.index.set(level, repetition);
            self.repetition(node, element, depth, values)?;
            if !self.scan.more(b']', Expected::Item)? {
                return Ok(());
            }
        }
    }

    fn open(&self, depth: u32) -> Result<u32, Halt> {
        if depth >= self.limits.depth {
            return Err(Halt::limit(Limit::Depth, self.scan.pos));
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
            b'{' if R::OUTLINES && self.rows.pushed() >= self.limits.entries as usize => {
                Err(Halt::limit(Limit::Entries, self.scan.pos))
            }
            b'{' => {
                let entered = self.rows.enter(element, &self.index, !values);
                self.braced(node, element, depth)?;
                self.rows.leave(entered);
                Ok(())
            }
            b'[' => self.scan.skip(depth, self.limits.depth),
            b'-' | b'0'..=b'9' => {
                let (start, end) = self.scan.number()?;
                if wanted {
                    self.push_span(element, start, end, Token::Number)
                } else {
                    Ok(())
                }
            }
            byte => {
                let (start, end) = self.scan.literal()?;
                if wanted && byte != b'n' {
                    self.push_span(element, start, end, Token::Boolean)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Walks or passes over an object.
    #[inline(always)]
    fn braced(&mut self, node: u32, element: &Node, depth: u32) -> Result<(), Halt> {
        if element.children.is_empty() && !element.is_extension() {
            return self.scan.skip(depth, self.limits.depth);
        }
        let depth = self.open(depth)?;
        self.scan.pos += 1;
        if element.holds_resource() {
            self.contained(node, depth)
        } else {
            self.object(node, depth)
        }
    }

    /// A contained resource: in XML its type is an element, so it takes a segment of the path. Other elements have such
    /// names as well (`Procedure.outcome`); those have no type.
    fn contained(&mut self, node: u32, depth: u32) -> Result<(), Halt> {
        let Some(name) = self.scan.resource_type(depth, self.limits.depth)? else {
            return self.object(node, depth);
        };
        if R::OUTLINES {
            self.rows
                .holds(name.start() as u32, (name.end() - name.start()) as u32);
            return self.object(node, depth);
        }
        let name = self.scan.name_of(name)?;
        let inside = self.plan.child(node, &name);
        match inside.and_then(|node| self.plan.node(node).map(|element| (node, element.depth))) {
            Some((inside, level)) => {
                self.index.set(level as usize - 1, 1);
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
                self.index.set(element.depth as usize, 1);
                self.push(url, string)
            }
            None => Ok(()),
        }
    }

    #[inline(always)]
    fn push(&mut self, element: &Node, string: StringSpan) -> Result<(), Halt> {
        if !string.escaped() {
            return self.push_span(element, string.start(), string.end(), Token::String);
        }
        let mut text = std::mem::take(self.rows.scratch());
        text.clear();
        let repaired = unescape(
            self.scan.slice(string.start(), string.end()),
            string.start(),
            &mut text,
        )?;
        if let Some(what) = repaired {
            self.rows.repaired(element, what);
        }
        let pushed = self.rows.unescaped(element, &self.index, &text, self.limits);
        *self.rows.scratch() = text;
        pushed.map_err(|limit| Halt::limit(limit, string.start()))
    }

    #[inline(always)]
    fn push_span(&mut self, element: &Node, start: usize, end: usize, token: Token) -> Result<(), Halt> {
        if self.rows.pushed() >= self.limits.entries as usize {
            return Err(Halt::limit(Limit::Entries, start));
        }
        let text = self.scan.bytes.get(start..end).unwrap_or_default();
        self.rows.walked(element, &self.index, start as u32, text, token);
        Ok(())
    }
}
