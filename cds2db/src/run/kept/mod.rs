//! Under all rooms: what a run keeps on the disk, so that a killed one goes on.

pub(super) mod batches;
pub(super) mod directory;
pub(super) mod fault;
pub(super) mod options;
pub(super) mod record;
pub(super) mod state_writer;
