//! Where outputs are kept: `level3` has all of them, `level4` the moderately sensitive ones that pass the checks.

mod collect;
pub mod disclosure;
mod layout;
mod publish;
mod safe_dir;
mod stage;

pub(crate) use collect::{Collected, collect};
pub use layout::Layout;
pub(crate) use publish::{Effective, note, publish, withdraw, withdraw_from_level4};
pub(crate) use safe_dir::SafeDir;
pub(crate) use stage::{Staged, copy_hashed, hex, stage};
