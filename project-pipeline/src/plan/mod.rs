//! Which jobs a request makes: a pure function of the project, the last job of each action, and the request.

mod drawing;
mod graph;
mod history;
mod planner;
mod table;

pub(crate) use drawing::escape;
pub use drawing::svg;
pub use graph::mermaid;
pub use history::{History, Last, State};
pub use planner::{Kept, KeptBecause, Plan, PlannedJob, Reason, Request, RequestFault, plan};
pub use table::text;
