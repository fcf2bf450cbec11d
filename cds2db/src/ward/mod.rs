//! Which patients lie on which ward: filter patterns over Encounters, or a list in a text file.

mod assignment;
mod condition;
mod id_list;
mod pattern;
mod pattern_fault;
mod pid_list;

pub use assignment::{Candidate, WardPatient, assign, ends_before, instant};
pub use condition::Condition;
pub use id_list::{IdFault, id_in_list, ids_in_line, lines_of_list};
pub use pattern::WardDefinition;
pub use pattern_fault::{PatternFault, PatternFaultKind};
pub use pid_list::{PidList, PidListFault};
