//! What a data manager wants to know in the morning: the last runs of each module, how the tables grow, what was not stored
//! and why, and where an id stands. Figures and places; cells only where they are asked for.

mod found;
mod growth;
mod reader;
mod refusals;
mod runs;

pub use found::Found;
pub use growth::Growth;
pub use reader::Readable;
pub use refusals::{Defects, Refusals, Waits};
pub use runs::{Faults, ModuleRun};

pub(crate) use reader::Readers;
pub(crate) use refusals::UNANSWERED;
