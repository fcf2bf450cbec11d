//! Errors of the run's directory.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Error, ErrorKind};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn failed(directory: &Path, error: work_dir::Error) -> Error {
    Error::new(
        ErrorKind::File,
        format!("the run's directory {}", directory.display()),
    )
    .because(error)
}

pub(crate) fn file_error(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::File, format!("{} cannot be used", path.display())).because(error)
}
