//! ViewDefinitions as they are written: JSON to a model, with every fault and its place.

mod constant;
mod lint;
mod object;
mod read;
mod repeats;
mod resource_type;

pub(crate) use constant::Constant;
pub use lint::Lint;
#[cfg(feature = "sql")]
pub(crate) use read::is_sql_name;

use std::collections::HashSet;
use std::sync::Arc;

use crate::{Error, Fault, FaultKind};

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
    /// Keys of which a resource has to have one, where only those of some patients are wanted.
    pub(crate) patients: Option<Arc<HashSet<String>>>,
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

impl EachView {
    pub(crate) fn is_once(&self) -> bool {
        matches!(self, Self::Once)
    }
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

    /// Takes only resources of these patients, by id: a Patient itself, others by their `subject`, `patient` or `beneficiary`.
    pub fn only_patients(&mut self, ids: Arc<HashSet<String>>) {
        self.patients = Some(ids);
    }

    /// Takes only resources that were changed at or after an instant of FHIR, by `meta.lastUpdated`. What does not say when it
    /// was changed is left out.
    ///
    /// # Errors
    /// If it is no instant.
    pub fn only_since(&mut self, instant: &str) -> Result<(), Error> {
        use crate::eval::temporal::Moment;
        if Moment::date_time(instant)
            .and_then(Moment::microseconds)
            .is_none()
        {
            let expected = "an instant".to_owned();
            let fault = Fault::new("/_since", FaultKind::Definition { expected });
            return Err(Error::view(self.name.as_deref(), vec![fault]));
        }
        self.wheres.push(PathAt {
            path: format!("meta.lastUpdated >= @{instant}"),
            pointer: "/_since".to_owned(),
        });
        Ok(())
    }
}
