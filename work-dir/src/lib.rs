#![doc = include_str!("../README.md")]

mod error;
mod status;
mod work_dir;

pub use error::{Error, ErrorKind};
pub use status::Status;
pub use work_dir::WorkDir;
