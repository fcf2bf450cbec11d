//! Which patients lie on which ward: filter patterns over Encounters, or a list in a text file.

mod assignment;
mod pattern;
mod pattern_fault;
mod pid_list;

pub use assignment::{Candidate, WardPatient, assign, instant};
pub use pattern::{Condition, WardDefinition};
pub use pattern_fault::{PatternFault, PatternFaultKind};
pub use pid_list::{PidList, PidListFault};
