//! Fifth room, under the others: what a run keeps, on the disk until the hub has it, so that a killed one goes on.

pub(super) mod batches;
pub(super) mod directory;
pub(super) mod fault;
pub(super) mod hand_on;
pub(super) mod hub_rows;
pub(super) mod keys;
pub(super) mod options;
pub(super) mod record;
pub(super) mod started_with;
pub(super) mod state_writer;
pub(super) mod unread;
pub(super) mod whole;
