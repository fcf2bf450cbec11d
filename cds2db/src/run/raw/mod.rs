//! Third room: pages become raw rows.

pub(super) mod census;
pub(super) mod cracking;
pub(super) mod download;
pub(super) mod import;
pub(super) mod waiting;
pub(super) mod ward_rows;
pub(super) mod watermarks;
