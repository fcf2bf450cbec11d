use std::fmt;

/// A slash path of element names relative to a resource, such as `name/given`.
///
/// One segment is one element name; a repetition's index has as many numbers as the path has segments.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ElementPath(Box<str>);

impl ElementPath {
    /// Wraps a path as it stands.
    #[must_use]
    pub fn new(path: impl Into<Box<str>>) -> Self {
        Self(path.into())
    }

    /// The path as text, segments separated by `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The element names from the resource down.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// How many segments the path has.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.segments().count()
    }

    /// Whether the path is `prefix` or lies below it, segment by segment.
    #[must_use]
    pub fn starts_with(&self, prefix: &str) -> bool {
        self.0
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for ElementPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ElementPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
