//! The standing whole: beside the directories of the runs, `current/` holds of every known resource the newest version.
//!
//! A table is a folder of Parquet files, divided by a hash of the patient. A run rewrites the files it touches; the others
//! are linked. Each state is a directory of its own below `whole/`, and `current` is a link to it that is replaced in one
//! step, so that a crash leaves the old state or the new one.

mod anew;
mod generation;
mod keys;
mod parts;
mod standing;
mod strict;

pub use anew::Anew;
pub use parts::without;
pub use standing::{Change, Kept, NextWhole, RUN_COLUMN, Standing, Whole};
pub use strict::{FinalState, SignalState};
