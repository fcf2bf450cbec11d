//! Third room: pages arrive and are cracked and typed.

pub(super) mod breaker;
pub(super) mod census;
pub(super) mod cracking;
pub(super) mod download;
pub(super) mod export;
pub(super) mod fetch;
pub(super) mod lists;
pub(super) mod room;
mod rows;
pub(super) mod told;
pub(super) mod waiting;
pub(super) mod ward_rows;
pub(super) mod watermarks;
