//! What a metric is called and means.

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows, but for a new start at 0; its name ends in `_total`.
    Counter,
    /// May go up and down.
    Gauge,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// A metric: name, kind and meaning; its samples differ in their labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
}

impl Family {
    /// A metric by name, kind and meaning. Names are lower case, begin with the program, and end in their unit (`_seconds`,
    /// `_bytes`, `_timestamp_seconds`), those of counters in `_total`.
    ///
    /// # Panics
    /// While compiling, where the name is none that Prometheus takes, or a counter's does not end in `_total`.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        assert!(is_name(name.as_bytes()), "not a name of a metric");
        assert!(
            ends(name.as_bytes(), b"_total") == matches!(kind, Kind::Counter),
            "counters end in _total, and nothing else does"
        );
        Self { name, kind, help }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// A letter or underscore, then these and digits.
pub(crate) const fn is_name(name: &[u8]) -> bool {
    if name.is_empty() || name[0].is_ascii_digit() {
        return false;
    }
    let mut i = 0;
    while i < name.len() {
        if !(name[i].is_ascii_alphanumeric() || name[i] == b'_') {
            return false;
        }
        i += 1;
    }
    true
}

const fn ends(name: &[u8], end: &[u8]) -> bool {
    if name.len() < end.len() {
        return false;
    }
    let mut i = 0;
    while i < end.len() {
        if name[name.len() - end.len() + i] != end[i] {
            return false;
        }
        i += 1;
    }
    true
}
