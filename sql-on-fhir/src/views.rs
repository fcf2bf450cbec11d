use std::fmt;
use std::sync::Arc;

use fhir_crack::Plan;
use fhir_crack::outline::{Outline, Symbol};

use crate::compile::{Program, Shared, compile};
use crate::output::SqlType;
use crate::view::ViewDefinition;
use crate::{Error, Fault, FaultKind};

/// Views compiled together, to be run in one pass.
pub struct Views {
    pub(crate) programs: Vec<Program>,
    pub(crate) plan: Arc<Plan>,
    /// What the id of a resource is recorded under.
    id: Symbol,
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().collect();
        f.debug_struct("Views")
            .field("views", &names)
            .finish_non_exhaustive()
    }
}

impl Views {
    /// Compiles views.
    ///
    /// # Errors
    /// All faults of the first view that is wrong.
    pub fn new(views: &[ViewDefinition]) -> Result<Self, Error> {
        let mut shared = Shared::default();
        let compiled = views.iter().map(|view| {
            compile(view, &mut shared).map_err(|faults| Error::view(view.name.as_deref(), faults))
        });
        let programs = compiled.collect::<Result<Vec<_>, Error>>()?;
        for (number, program) in programs.iter().enumerate() {
            let before = programs.iter().take(number);
            if before
                .map(|p| &p.view)
                .any(|name| name.eq_ignore_ascii_case(&program.view))
            {
                let name = program.view.clone();
                let fault = Fault::new("/name", FaultKind::Duplicate { name });
                return Err(Error::view(Some(&program.view), vec![fault]));
            }
        }
        let id = shared.names.symbol("id").unwrap_or_default();
        for program in &programs {
            let root = shared.plan.resource(&program.resource);
            // An element of the resource itself is never too deep.
            let _ = shared.plan.child(root, "id", id);
        }
        Ok(Self {
            id,
            programs,
            plan: Arc::new(shared.plan.finish()),
        })
    }

    /// The id of a resource.
    pub(crate) fn id_of<'a>(&self, outline: Outline<'a>) -> Option<&'a str> {
        let mut item = 1;
        while item < outline.len() && outline.symbol(item) != self.id {
            item = outline.end(item).max(item + 1);
        }
        outline.text(item)
    }

    /// Names of the views; one without a name has that of its resource type in lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.programs.iter().map(|program| program.view.as_str())
    }

    /// Types of the resources the views are over, one a view.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.programs.iter().map(|program| program.resource.as_str())
    }

    /// Names and types of the columns of a view, counted from 0.
    pub fn columns(&self, view: usize) -> impl Iterator<Item = (&str, SqlType)> {
        let columns = self
            .programs
            .get(view)
            .map_or(&[][..], |program| &program.columns);
        columns
            .iter()
            .map(|column| (column.name.as_str(), column.column_type.sql))
    }
}
