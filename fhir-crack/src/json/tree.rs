use std::borrow::Cow;
use std::collections::HashSet;

use super::scan::{Scan, StringSpan};
use super::unescape::unescape;
use crate::error::Limit;
use crate::halt::{Expected, Halt};
use crate::tree::Element;

/// Reads JSON into a tree in the shape of its XML form. Recursion is bounded by `limit`.
pub(crate) struct Reader<'a, 's> {
    pub(crate) scan: &'s mut Scan<'a>,
    pub(crate) limit: u32,
}

/// Which child a value belongs to.
#[derive(Clone, Copy)]
struct Place<'n, 'a> {
    run: usize,
    name: &'n Cow<'a, str>,
    position: u32,
    /// `false` for the `_name` of a primitive, which holds extensions but no value.
    values: bool,
}

impl<'a> Place<'_, 'a> {
    fn of<'e>(&self, parent: &'e mut Element<'a>) -> &'e mut Element<'a> {
        parent.child(self.run, self.name, self.position)
    }
}

impl<'a> Reader<'a, '_> {
    /// Reads the value of a member named `name` and hangs it below `parent`.
    pub(crate) fn member(
        &mut self,
        parent: &mut Element<'a>,
        name: Cow<'a, str>,
        depth: u32,
    ) -> Result<(), Halt> {
        let (name, values) = match name.strip_prefix('_') {
            Some(primitive) => (Cow::Owned(primitive.to_owned()), false),
            None => (name, true),
        };
        let place = Place {
            run: parent.run_of(&name),
            name: &name,
            position: 1,
            values,
        };
        if self.scan.peek()? != b'[' {
            return self.repetition(parent, place, depth);
        }
        let depth = self.open(depth)?;
        self.scan.pos += 1;
        if self.scan.closes(b']')? {
            return Ok(());
        }
        let mut position = 1;
        loop {
            self.repetition(parent, Place { position, ..place }, depth)?;
            if !self.scan.more(b']', Expected::Item)? {
                return Ok(());
            }
            position += 1;
        }
    }

    fn open(&self, depth: u32) -> Result<u32, Halt> {
        if depth >= self.limit {
            return Err(Halt::limit(Limit::Depth, self.scan.pos));
        }
        Ok(depth + 1)
    }

    fn repetition(&mut self, parent: &mut Element<'a>, place: Place<'_, 'a>, depth: u32) -> Result<(), Halt> {
        match self.scan.peek()? {
            b'{' => {
                let depth = self.open(depth)?;
                self.scan.pos += 1;
                self.object(place.of(parent), depth)
            }
            b'[' => self.scan.skip(depth, self.limit),
            b'"' => {
                let string = self.scan.string()?;
                let value = self.text(string)?;
                if place.values {
                    self.value(place.of(parent), value);
                }
                Ok(())
            }
            byte => {
                let (start, end) = if byte == b'-' || byte.is_ascii_digit() {
                    self.scan.number()?
                } else {
                    self.scan.literal()?
                };
                if place.values {
                    let element = place.of(parent);
                    if byte != b'n' {
                        element
                            .attributes
                            .push(("value".into(), self.scan.slice(start, end).into()));
                    }
                }
                Ok(())
            }
        }
    }

    fn value(&mut self, element: &mut Element<'a>, value: Cow<'a, str>) {
        element.attributes.push(("value".into(), value));
    }

    fn text(&self, string: StringSpan) -> Result<Cow<'a, str>, Halt> {
        let raw = self.scan.slice(string.start(), string.end());
        if !string.escaped() {
            return Ok(raw.into());
        }
        let mut text = String::with_capacity(raw.len());
        unescape(raw, string.start(), &mut text)?;
        Ok(text.into())
    }

    /// Reads the members of an object, its opening bracket taken, into `element`; a resource hangs below it by its type.
    pub(crate) fn object(&mut self, element: &mut Element<'a>, depth: u32) -> Result<(), Halt> {
        match self.scan.resource_type(depth, self.limit)? {
            Some(name) => {
                let name = self.text(name)?;
                let resource = element.child(element.children.len(), &name, 1);
                self.members(resource, depth, true)
            }
            None => self.members(element, depth, false),
        }
    }

    pub(crate) fn members(
        &mut self,
        element: &mut Element<'a>,
        depth: u32,
        resource: bool,
    ) -> Result<(), Halt> {
        if self.scan.closes(b'}')? {
            return Ok(());
        }
        let extension = matches!(&*element.name, "extension" | "modifierExtension");
        let mut seen = HashSet::new();
        loop {
            self.scan.peek()?;
            let at = self.scan.pos;
            let name = self.scan.string()?;
            let name = self.text(name)?;
            if !seen.insert(name.clone()) {
                return Err(Halt::duplicate(at));
            }
            self.scan.expect(b':', Expected::Colon)?;
            let is_attribute = !resource && (name == "id" || extension && name == "url");
            if resource && name == "resourceType" || name == "div" && element.name == "text" {
                self.scan.skip(depth, self.limit)?;
            } else if is_attribute && self.scan.peek()? == b'"' {
                let string = self.scan.string()?;
                let value = self.text(string)?;
                element.attributes.push((name, value));
            } else {
                self.member(element, name, depth)?;
            }
            if !self.scan.more(b'}', Expected::Member)? {
                return Ok(());
            }
        }
    }
}
