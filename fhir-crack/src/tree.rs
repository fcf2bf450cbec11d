use std::borrow::Cow;

/// An element with everything below it, in the shape of the XML form whatever form it was read from.
///
/// For what a walk along the plan cannot answer: predicates, all columns, unusual XML, links of a page.
#[derive(Clone, Default)]
pub(crate) struct Element<'a> {
    pub(crate) name: Cow<'a, str>,
    /// Place among the siblings of the same name, counted from 1.
    pub(crate) position: u32,
    /// Names and values in the order written; namespace declarations left out.
    pub(crate) attributes: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(crate) children: Vec<Element<'a>>,
}

impl<'a> Element<'a> {
    pub(crate) fn new(name: impl Into<Cow<'a, str>>, position: u32) -> Self {
        Self {
            name: name.into(),
            position,
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| &**value)
    }

    /// The `value` of the first child of this name.
    pub(crate) fn value_of(&self, name: &str) -> Option<&str> {
        self.children
            .iter()
            .filter(|c| c.name == name)
            .find_map(|child| child.attribute("value"))
    }

    pub(crate) fn named<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element<'a>> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Where the children of this name begin.
    pub(crate) fn run_of(&self, name: &str) -> usize {
        self.children
            .iter()
            .position(|c| c.name == name)
            .unwrap_or(self.children.len())
    }

    /// The child of this name and place, made if there is none; `run` is where the children of the name begin.
    pub(crate) fn child(&mut self, run: usize, name: &Cow<'a, str>, position: u32) -> &mut Self {
        let expected = run + position as usize - 1;
        let known = self
            .children
            .get(expected)
            .is_some_and(|c| c.position == position && c.name == *name);
        let at = if known { expected } else { self.children.len() };
        if !known {
            self.children.push(Self::new(name.clone(), position));
        }
        &mut self.children[at]
    }
}
