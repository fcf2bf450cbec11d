//! Without feature `sql` no query is answered; a site's own test then fails and says so, it is never taken as passed.

use polars::frame::DataFrame;

use crate::{Error, ErrorKind, Layout};

/// The tables of a run, which this build cannot ask in SQL.
#[derive(Debug)]
pub struct Tables(Layout);

impl Tables {
    /// Makes nothing known.
    ///
    /// # Errors
    /// Never.
    pub fn open(layout: &Layout) -> Result<Self, Error> {
        Self::without(layout, &|_, _| false)
    }

    pub(crate) fn without(layout: &Layout, _out: &dyn Fn(&str, u32) -> bool) -> Result<Self, Error> {
        Ok(Self(layout.clone()))
    }

    /// Refuses a query.
    ///
    /// # Errors
    /// [`ErrorKind::Query`], always.
    pub fn ask(&mut self, _sql: &str) -> Result<DataFrame, Error> {
        Err(self.refused())
    }

    /// Refuses a query.
    ///
    /// # Errors
    /// As [`Tables::ask`].
    pub fn count(&mut self, _sql: &str) -> Result<u64, Error> {
        Err(self.refused())
    }

    fn refused(&self) -> Error {
        Error::caused(
            ErrorKind::Query,
            self.0.root(),
            "this program was built without SQL (feature sql of work-dir)",
        )
    }
}
