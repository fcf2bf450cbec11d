//! The central store: objects by path. A folder is always there; Azure Blob and S3 with the feature `cloud`.

#[cfg(feature = "cloud")]
mod cloud;
mod folder;
mod limit;

pub(crate) use folder::proven;
pub(crate) use limit::Limit;

use std::fmt;
use std::io::Read;

use crate::config::StorePlace;
use crate::{Error, Result};

/// What a store knows of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Bytes.
    pub size: u64,
    /// The digest that was stored with it: MD5 in hexadecimal digits, made from the bytes that were sent.
    pub md5: Option<String>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Bytes.
    pub size: u64,
    /// MD5 of those very bytes.
    pub md5: String,
}

/// Objects by path. Paths are relative, with `/` between their parts.
pub trait Store: Send + Sync + fmt::Debug {
    /// The address without credentials.
    fn name(&self) -> String;

    /// Writes an object while reading its source, whole or not at all, and keeps the digest of what was written.
    ///
    /// # Errors
    /// When source or store fail; no object of this path has other bytes than before then.
    fn put(&self, path: &str, source: &mut dyn Read) -> Result<Written>;

    /// Makes an object if there is none of this path; exactly one of several callers gets `true`.
    ///
    /// # Errors
    /// When the store fails.
    fn create(&self, path: &str, bytes: &[u8]) -> Result<bool>;

    /// Copies an object inside the store, its digest with it.
    ///
    /// # Errors
    /// When the store fails.
    fn copy(&self, from: &str, to: &str) -> Result<()>;

    /// What is known of an object; `None` where there is none.
    ///
    /// # Errors
    /// When the store fails.
    fn stat(&self, path: &str) -> Result<Option<Stored>>;

    /// Reads an object; `None` where there is none.
    ///
    /// # Errors
    /// When the store fails.
    fn get(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>>;

    /// Removes an object; it may be gone already.
    ///
    /// # Errors
    /// When the store fails.
    fn remove(&self, path: &str) -> Result<()>;
}

/// Opens a store.
///
/// # Errors
/// When the address has a scheme that this program does not know, or a setting is wrong.
pub fn open(place: &StorePlace) -> Result<Box<dyn Store>> {
    if !place.url.contains("://") {
        return Ok(Box::new(folder::Folder::new(place.url.as_ref())));
    }
    #[cfg(feature = "cloud")]
    return Ok(Box::new(cloud::Cloud::open(place)?));
    #[cfg(not(feature = "cloud"))]
    Err(Error::Refused(format!(
        "{}: this program was built without the feature `cloud`; a folder works",
        place.shown()
    )))
}

/// A store's error, with what was tried.
pub(crate) fn failed(
    store: &dyn Store,
    action: &'static str,
    path: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::Store {
        store: store.name(),
        action,
        path: crate::text::shown(path).into_owned(),
        source: source.into(),
    }
}
