//! What a hub has to hold after some days, worked out slowly and plainly from the resources themselves: nothing here knows
//! watermarks, batches, pages or searches, and nothing is shared with the crates it is compared with but the description.

mod graph;
mod hub;
mod json;
mod melt;
mod typing;

pub(crate) use hub::{ModelHub, Row, Writer};
