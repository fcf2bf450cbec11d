//! Fourth room: raw rows become typed rows, once, and are tested.

pub(super) mod encounters;
pub(super) mod files;
pub(super) mod fill;
pub(super) mod gate;
pub(super) mod invalid;
pub(super) mod shaping;
pub(super) mod tables;
pub(super) mod typing;
pub(super) mod waited;
pub(super) mod writing;

pub(super) use tables::PIDS_PER_WARD;
