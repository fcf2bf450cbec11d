//! Melted rows as Arrow record batches (feature `arrow`): types by [`Profile`], FHIR path and type in the fields, defects
//! as a batch of their own.

mod cell;
mod column;
mod decimal;
mod defects;
mod event;
mod gather;
mod jobs;
mod layout;
mod lists;
mod options;
mod outputs;
mod pass;
mod worker;

pub use defects::{defect_batch, defect_schema};
pub use event::Event;
pub use fhir_crack::arrow::{Profile, Unread, rejected_batch, rejected_schema};
pub use jobs::{Input, Source, Values};
pub use layout::RowLayout;
pub use options::{ArrowOptions, Decimals, PassOptions, Rows};
pub use pass::Pass;
