//! From a view to a program over outlines: paths go into the cracker's plan, selects and expressions into trees that refer
//! to the names recorded.

mod choice;
mod expr;
mod expression;
mod names;
mod program;
mod scope;
mod types;

pub(crate) use choice::{TYPES, type_behind, typed_name};
pub(crate) use expr::{Comparison, Expr, Step, number};
pub(crate) use names::Names;
pub(crate) use program::{Each, OutColumn, Program, Select};
pub(crate) use types::{Class, Type, class_of_primitive};

use crate::Fault;
use crate::view::ViewDefinition;
use fhir_crack::outline::OutlinePlan;

/// What views compiled together share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) plan: OutlinePlan,
    pub(crate) names: Names,
}

/// Compiles a view; all faults at once.
pub(crate) fn compile(view: &ViewDefinition, shared: &mut Shared) -> Result<Program, Vec<Fault>> {
    program::Compiler::new(view, shared).compile()
}
