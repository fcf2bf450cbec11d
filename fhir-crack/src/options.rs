use crate::Limits;

/// How a page is cracked. [`Options::default`] is what the raw tables of the chain want.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Which attributes of an element are values.
    pub attributes: Attributes,
    /// What happens to rows equal to an earlier one.
    pub duplicates: Duplicates,
    /// Whether attributes inside the XHTML narrative count where all columns are wanted.
    pub narrative: bool,
    /// Whether two columns of a table that take the same value are an error, as in fhircrackr; otherwise both have it.
    /// Looked at where all attributes are values ([`Attributes::All`], [`Attributes::Separate`]).
    pub refuse_shared_values: bool,
    /// What happens to a resource that cannot be read.
    pub faults: Faults,
    /// What happens to bytes that are no text in UTF-8.
    pub foreign_bytes: ForeignBytes,
    /// What happens to a Bundle or Parameters in an entry.
    pub nested: Nested,
    /// Whether what no column asks for is checked as well: every resource, entry by entry, to the last comma and escape.
    /// What it costs is in the benches.
    pub strict: bool,
    /// Bounds on what an input may cost.
    pub limits: Limits,
    /// Bytes of a page after which its rows so far are handed out as batches.
    pub batch_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            attributes: Attributes::Values,
            duplicates: Duplicates::Remove,
            narrative: false,
            refuse_shared_values: false,
            faults: Faults::default(),
            foreign_bytes: ForeignBytes::default(),
            nested: Nested::default(),
            strict: false,
            limits: Limits::default(),
            batch_bytes: 1 << 18,
        }
    }
}

/// What happens to a resource that is not well-formed or passes a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Faults {
    /// It is set aside as a [`Rejected`](crate::Rejected) and the page goes on at the next entry or line.
    #[default]
    SetAside,
    /// It ends the page.
    Refuse,
}

/// What happens to bytes that are no text in UTF-8 where a page says nothing else about its encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForeignBytes {
    /// The resource that holds one cannot be read ([`Faults`]).
    #[default]
    Fault,
    /// Each is read as the character Latin-1 has for it, and the value marked ([`Repair`](crate::Repair)).
    Latin1,
}

/// What happens to a Bundle or Parameters that is the resource of an entry, and to a Parameters that is the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Nested {
    /// Its entries (the resources among its parameters) are taken as entries of the page, one level deep, unless a table
    /// asks for Bundles or Parameters themselves.
    #[default]
    Unwrap,
    /// It is a resource of a type like any other.
    Keep,
}

/// Which attributes of an element are values, in the words of the XML form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attributes {
    /// `value`, and the `url` of an extension; element ids are not data.
    #[default]
    Values,
    /// All, as fhircrackr has it: an element id stands in the cell beside the value, with the same index.
    All,
    /// All, each in a column of its own, named `column@attribute` (fhircrackr's `keep_attr`).
    Separate,
}

/// What happens to a row all cells of which equal an earlier one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Duplicates {
    /// Only the first is kept, over all pages of a decoder (as `fhir_crack` does); costs 32 bytes a row kept.
    #[default]
    Remove,
    /// All are kept.
    Keep,
}
