//! Fourth room: raw rows become typed rows, are tested and handed on.

pub(super) mod again;
pub(super) mod earlier;
pub(super) mod encounters;
pub(super) mod fill;
pub(super) mod gate;
pub(super) mod import;
pub(super) mod pieces;
pub(super) mod refused;
pub(super) mod signals;
pub(super) mod tables;
pub(super) mod typing;
pub(super) mod writing;

pub(super) use tables::PIDS_PER_WARD;
