use crate::block;
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
#[derive(Default)]
pub(crate) struct Keys {
    /// The first stands for the start of the parent. Empty until the element is met.
    keys: Vec<Key>,
    /// How many of the keys are not the plan's.
    learned: u32,
}

/// A name, and what is known of it.
pub(crate) struct Key {
    token: Token,
    pub(crate) target: Target,
    /// The keys that came next the last time and before that: what is optional comes and goes.
    next: [u16; 2],
    /// How often the key was seen in that parent.
    pub(crate) count: u32,
    /// The parent in which the key was seen last, by its serial number.
    pub(crate) parent: u64,
}

/// A name as it stands in a page, with what leads and ends it: `"name":` or `<name`.
struct Token {
    /// The first 16 bytes, zeros behind a shorter one.
    head: [u8; HEAD],
    /// A bit for each of them.
    mask: u32,
    len: u32,
    bytes: Box<[u8]>,
}

/// Names learned an element, at most, so that hostile input cannot make the table grow.
const LEARNED: u32 = 96;
/// Bytes of a learned name, at most.
const NAME: usize = 64;
/// Bytes compared at once.
const HEAD: usize = 16;

impl Token {
    fn new(bytes: &[u8]) -> Self {
        let mut head = [0; HEAD];
        for (place, &byte) in head.iter_mut().zip(bytes) {
            *place = byte;
        }
        Self {
            head,
            mask: (1 << bytes.len().min(HEAD)) - 1,
            len: bytes.len() as u32,
            bytes: bytes.into(),
        }
    }

    #[inline(always)]
    fn begins(&self, rest: &[u8]) -> bool {
        match rest.first_chunk::<HEAD>() {
            Some(head) if block::equal(head, &self.head) & self.mask != self.mask => false,
            Some(_) if self.len as usize <= HEAD => true,
            _ => rest.starts_with(&self.bytes),
        }
    }
}

/// The key tables of all elements of a plan. Every walker has its own.
pub(crate) struct Learned {
    nodes: Vec<Keys>,
    /// Parents opened so far; their number tells the repetitions of a name in one parent from those in the next.
    pub(crate) parents: u64,
}

impl Learned {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            nodes: plan.nodes.iter().map(|_| Keys::default()).collect(),
            parents: 0,
        }
    }

    /// Takes the keys of an element out, to be put back; made by `make` the first time.
    #[inline]
    pub(crate) fn take(&mut self, node: u32, make: impl FnOnce() -> Keys) -> Keys {
        match self.nodes.get_mut(node as usize).map(std::mem::take) {
            Some(keys) if !keys.keys.is_empty() => keys,
            _ => make(),
        }
    }

    #[inline]
    pub(crate) fn put(&mut self, node: u32, keys: Keys) {
        if let Some(place) = self.nodes.get_mut(node as usize) {
            *place = keys;
        }
    }
}

impl Keys {
    fn empty() -> Self {
        let mut keys = Self::default();
        keys.add(b"", Target::Skip);
        keys
    }

    /// For the members of a JSON object.
    pub(crate) fn json(plan: &Plan, node: u32) -> Self {
        let mut keys = Self::empty();
        let Some(node) = plan.node(node) else { return keys };
        for &child in &node.children {
            let Some(element) = plan.node(child) else { continue };
            if node.url == Some(child) || &*element.name == "id" && !node.is_resource() && !plan.outlines {
                continue;
            }
            keys.add(
                format!("\"{}\":", element.name).as_bytes(),
                Target::Element(child),
            );
            if !element.children.is_empty() || plan.outlines {
                keys.add(
                    format!("\"_{}\":", element.name).as_bytes(),
                    Target::Extension(child),
                );
            }
        }
        if node.wants_url() {
            keys.add(b"\"url\":", Target::Attribute);
        }
        keys
    }

    /// For the elements below an XML element.
    pub(crate) fn xml(plan: &Plan, node: u32) -> Self {
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
            token: Token::new(token),
            target,
            next: [0, 0],
            count: 0,
            parent: 0,
        });
        self.keys.len() - 1
    }

    #[inline]
    pub(crate) fn key(&mut self, slot: usize) -> Option<&mut Key> {
        self.keys.get_mut(slot)
    }

    /// The slot of the key the text starts with, if it is one of those expected behind `last`, and the token's length.
    #[inline(always)]
    pub(crate) fn predicted(&mut self, last: usize, rest: &[u8]) -> Option<(usize, usize)> {
        let [first, second] = self.keys.get(last)?.next;
        if let Some(found) = self.begins(first, rest) {
            return Some(found);
        }
        let found = self.begins(second, rest)?;
        if let Some(last) = self.keys.get_mut(last) {
            last.next = [second, first];
        }
        Some(found)
    }

    #[inline(always)]
    fn begins(&self, slot: u16, rest: &[u8]) -> Option<(usize, usize)> {
        let token = &self.keys.get(slot as usize)?.token;
        (slot > 0 && token.begins(rest)).then_some((slot as usize, token.len as usize))
    }

    /// The slot of a token, learned if it is new; none if the table is full.
    pub(crate) fn find(&mut self, last: usize, token: &[u8]) -> Option<usize> {
        let begins = |key: &Key| key.token.bytes.len() == token.len() && key.token.begins(token);
        let slot = match self.keys.iter().position(begins) {
            Some(slot) => slot,
            None if self.learned < LEARNED && token.len() <= NAME => {
                self.learned += 1;
                self.add(token, Target::Skip)
            }
            None => return None,
        };
        if let Some(last) = self.keys.get_mut(last) {
            last.next = [slot as u16, last.next[0]];
        }
        Some(slot)
    }
}
