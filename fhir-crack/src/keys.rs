use crate::plan::Plan;

/// What a member of an object, or an element below another, leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Nothing of it is wanted.
    Skip,
    /// An element of the plan.
    Element(u32),
    /// JSON's `_name` beside a primitive, which holds its extensions.
    Extension(u32),
    /// JSON's `url` of an extension, an attribute of the element itself.
    Attribute,
}

/// The names met below one element of the plan, and which followed which.
///
/// Servers write the members of a type in the same order again and again, so the next one is nearly always the one that
/// came next the last time; comparing with it costs a fraction of a search. Names nobody wants are learned as well.
pub(crate) struct Keys {
    keys: Vec<Key>,
    /// For the start of an object and for every key: the key that came next the last time.
    next: Vec<u16>,
    /// How many of the keys are not the plan's.
    learned: usize,
}

pub(crate) struct Key {
    /// The name with what leads it and, in JSON, ends it: `"name"` or `<name`.
    token: Box<[u8]>,
    pub(crate) target: Target,
    /// The parent in which the key was seen last, by its serial number.
    pub(crate) parent: u64,
    /// How often the key was seen in that parent.
    pub(crate) count: u32,
}

/// Names learned an element, at most, so that hostile input cannot make the table grow.
const LEARNED: usize = 96;
/// Bytes of a learned name, at most.
const NAME: usize = 64;

/// The key tables of all elements of a plan. Every walker has its own.
pub(crate) struct Learned {
    nodes: Vec<Keys>,
    /// Parents opened so far; their number tells the repetitions of a name in one parent from those in the next.
    pub(crate) parents: u64,
}

impl Learned {
    /// For the members of JSON objects.
    pub(crate) fn json(plan: &Plan) -> Self {
        Self {
            nodes: (0..plan.nodes.len())
                .map(|node| Keys::json(plan, node as u32))
                .collect(),
            parents: 0,
        }
    }

    /// For the elements below XML elements.
    pub(crate) fn xml(plan: &Plan) -> Self {
        Self {
            nodes: (0..plan.nodes.len())
                .map(|node| Keys::xml(plan, node as u32))
                .collect(),
            parents: 0,
        }
    }

    #[inline]
    pub(crate) fn keys(&mut self, node: u32) -> Option<&mut Keys> {
        self.nodes.get_mut(node as usize)
    }
}

impl Keys {
    fn empty() -> Self {
        Self {
            keys: Vec::new(),
            next: vec![0],
            learned: 0,
        }
    }

    fn json(plan: &Plan, node: u32) -> Self {
        let mut keys = Self::empty();
        let Some(node) = plan.node(node) else { return keys };
        for &child in &node.children {
            let Some(element) = plan.node(child) else { continue };
            if node.url == Some(child) || &*element.name == "id" && !node.is_resource() {
                continue;
            }
            keys.add(format!("\"{}\"", element.name).as_bytes(), Target::Element(child));
            if !element.children.is_empty() {
                keys.add(
                    format!("\"_{}\"", element.name).as_bytes(),
                    Target::Extension(child),
                );
            }
        }
        if node.wants_url() {
            keys.add(b"\"url\"", Target::Attribute);
        }
        keys
    }

    fn xml(plan: &Plan, node: u32) -> Self {
        let mut keys = Self::empty();
        let Some(node) = plan.node(node) else { return keys };
        for &child in &node.children {
            if let Some(element) = plan.node(child) {
                keys.add(format!("<{}", element.name).as_bytes(), Target::Element(child));
            }
        }
        keys
    }

    fn add(&mut self, token: &[u8], target: Target) -> usize {
        self.keys.push(Key {
            token: token.into(),
            target,
            parent: 0,
            count: 0,
        });
        self.next.push(0);
        self.keys.len() - 1
    }

    #[inline]
    pub(crate) fn key(&mut self, slot: usize) -> Option<&mut Key> {
        self.keys.get_mut(slot)
    }

    /// The slot of the key the text starts with, if it is the one expected behind `last`, and the token's length.
    #[inline]
    pub(crate) fn predicted(&self, last: usize, rest: &[u8]) -> Option<(usize, usize)> {
        let slot = *self.next.get(last)? as usize;
        let token = &self.keys.get(slot)?.token;
        rest.starts_with(token).then_some((slot, token.len()))
    }

    /// The slot of a key, learned if it is new; none if the table is full.
    pub(crate) fn find(&mut self, last: usize, token: &[u8]) -> Option<usize> {
        let slot = match self.keys.iter().position(|k| *k.token == *token) {
            Some(slot) => slot,
            None if self.learned < LEARNED && token.len() <= NAME => {
                self.learned += 1;
                self.add(token, Target::Skip)
            }
            None => return None,
        };
        if let Some(next) = self.next.get_mut(last) {
            *next = slot as u16;
        }
        Some(slot)
    }
}
