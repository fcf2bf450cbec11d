//! ViewDefinitions as they are written: JSON to a model, with every fault and its place.

mod constant;
mod lint;
mod object;
mod read;

pub(crate) use constant::Constant;
pub use lint::Lint;

/// A ViewDefinition of SQL on FHIR 2.0 or 3.0.0-ballot.
#[derive(Clone, Debug)]
pub struct ViewDefinition {
    /// Name of the view, if it has one: that of its table.
    pub name: Option<String>,
    /// Type of the resources it is over.
    pub resource: String,
    pub(crate) constants: Vec<Constant>,
    pub(crate) wheres: Vec<PathAt>,
    pub(crate) selects: Vec<SelectView>,
    pub(crate) lints: Vec<Lint>,
}

/// An expression and the JSON pointer to it.
#[derive(Clone, Debug)]
pub(crate) struct PathAt {
    pub(crate) path: String,
    pub(crate) pointer: String,
}

/// How a select goes through its elements.
#[derive(Clone, Debug)]
pub(crate) enum EachView {
    Once,
    ForEach(PathAt),
    ForEachOrNull(PathAt),
    Repeat(Vec<PathAt>),
}

#[derive(Clone, Debug)]
pub(crate) struct SelectView {
    pub(crate) pointer: String,
    pub(crate) each: EachView,
    pub(crate) columns: Vec<ColumnView>,
    pub(crate) selects: Vec<SelectView>,
    pub(crate) union: Vec<SelectView>,
}

#[derive(Clone, Debug)]
pub(crate) struct ColumnView {
    pub(crate) pointer: String,
    pub(crate) name: String,
    pub(crate) path: PathAt,
    /// Type of FHIR or FHIRPath, without what stands before it.
    pub(crate) type_name: Option<String>,
    pub(crate) collection: bool,
    /// The tag `ansi/type`.
    pub(crate) ansi: Option<String>,
}

impl ViewDefinition {
    /// What is likely a mistake, though it is allowed.
    #[must_use]
    pub fn lints(&self) -> &[Lint] {
        &self.lints
    }
}
