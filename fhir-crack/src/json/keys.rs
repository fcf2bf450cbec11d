use crate::plan::Plan;

/// What a member of an object leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Nothing of it is wanted.
    Skip,
    /// An element of the plan.
    Element(u32),
    /// The `_name` beside a primitive, which holds its extensions.
    Extension(u32),
    /// The `url` of an extension, an attribute of the element itself.
    Attribute,
}

/// The members met below one element of the plan, and which followed which.
///
/// Servers write the members of a type in the same order again and again, so the next member is nearly always the one that
/// came next the last time; comparing with it costs a fraction of a search. Members nobody wants are learned as well.
pub(crate) struct Keys {
    keys: Vec<Key>,
    /// For the start of an object and for every key: the key that came next the last time.
    next: Vec<u16>,
    /// How many of the keys are not the plan's.
    learned: usize,
}

pub(crate) struct Key {
    /// The name with its quotes.
    quoted: Box<[u8]>,
    pub(crate) target: Target,
    /// The object in which the key was seen last.
    pub(crate) object: u64,
}

/// Names learned an element, at most, so that hostile input cannot make the table grow.
const LEARNED: usize = 96;
/// Bytes of a learned name, at most.
const NAME: usize = 64;

/// The key tables of all elements of a plan. Every walker has its own.
pub(crate) struct Learned {
    nodes: Vec<Keys>,
    /// Objects opened so far: two members of the same name in the same object are seen by it.
    pub(crate) objects: u64,
}

impl Learned {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            nodes: (0..plan.nodes.len())
                .map(|node| Keys::new(plan, node as u32))
                .collect(),
            objects: 0,
        }
    }

    pub(crate) fn keys(&mut self, node: u32) -> Option<&mut Keys> {
        self.nodes.get_mut(node as usize)
    }
}

impl Keys {
    fn new(plan: &Plan, node: u32) -> Self {
        let mut keys = Self {
            keys: Vec::new(),
            next: vec![0],
            learned: 0,
        };
        let Some(node) = plan.node(node) else { return keys };
        for &child in &node.children {
            let Some(element) = plan.node(child) else { continue };
            keys.add(format!("\"{}\"", element.name).as_bytes(), Target::Element(child));
            if !element.children.is_empty() {
                keys.add(
                    format!("\"_{}\"", element.name).as_bytes(),
                    Target::Extension(child),
                );
            }
        }
        if node.is_extension()
            && !node.sinks.is_empty()
            && !keys.keys.iter().any(|k| *k.quoted == *b"\"url\"")
        {
            keys.add(b"\"url\"", Target::Attribute);
        }
        keys
    }

    fn add(&mut self, quoted: &[u8], target: Target) -> usize {
        self.keys.push(Key {
            quoted: quoted.into(),
            target,
            object: 0,
        });
        self.next.push(0);
        self.keys.len() - 1
    }

    pub(crate) fn key(&mut self, slot: usize) -> Option<&mut Key> {
        self.keys.get_mut(slot)
    }

    /// The slot of the key the text starts with, if it is the one expected behind `last`, and its length with quotes.
    #[inline]
    pub(crate) fn predicted(&self, last: usize, rest: &[u8]) -> Option<(usize, usize)> {
        let slot = *self.next.get(last)? as usize;
        let quoted = &self.keys.get(slot)?.quoted;
        rest.starts_with(quoted).then_some((slot, quoted.len()))
    }

    /// The slot of a key with its quotes, learned if it is new; none if the table is full.
    pub(crate) fn find(&mut self, last: usize, quoted: &[u8]) -> Option<usize> {
        let slot = match self.keys.iter().position(|k| *k.quoted == *quoted) {
            Some(slot) => slot,
            None if self.learned < LEARNED && quoted.len() <= NAME => {
                self.learned += 1;
                self.add(quoted, Target::Skip)
            }
            None => return None,
        };
        if let Some(next) = self.next.get_mut(last) {
            *next = slot as u16;
        }
        Some(slot)
    }
}
