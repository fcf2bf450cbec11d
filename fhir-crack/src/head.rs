//! Which resources a page holds, beside their values: what paging counts and compares.

use std::borrow::Cow;

use crate::types;

/// Which resource an entry holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Type; empty where the resource does not say it.
    pub(crate) resource: Cow<'static, str>,
    /// Empty where the resource has none.
    pub(crate) id: String,
    pub(crate) mode: Mode,
}

/// `Bundle.entry.search.mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Absent,
    Match,
    Include,
    Outcome,
}

impl Mode {
    pub(crate) fn read(text: &str) -> Self {
        match text {
            "match" => Self::Match,
            "include" => Self::Include,
            "outcome" => Self::Outcome,
            _ => Self::Absent,
        }
    }
}

/// The heads of the entries of a page, kept where a page is read for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heads {
    pub(crate) kept: Vec<Head>,
    /// That of the entry at hand, the end of which is not seen yet.
    open: Head,
}

impl Heads {
    /// Notes type and id of the resource of the entry at hand.
    pub(crate) fn resource(&mut self, name: &str, id: &str) {
        self.open.resource = match self.kept.last() {
            // Most pages are of one type.
            Some(Head {
                resource: Cow::Borrowed(known),
                ..
            }) if *known == name => Cow::Borrowed(*known),
            _ => types::known(name).map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed),
        };
        self.open.id = id.to_owned();
    }

    /// Notes why the entry at hand is there.
    pub(crate) fn mode(&mut self, mode: Mode) {
        self.open.mode = mode;
    }

    /// An entry begins.
    pub(crate) fn begin(&mut self) {
        self.open = Head::default();
    }

    /// The end of the entry has been seen.
    pub(crate) fn keep(&mut self) {
        self.kept.push(std::mem::take(&mut self.open));
    }
}
