//! The other side of the exchange: a REDCap project, or files.

mod redcap;
mod row;
mod shape;

use std::collections::BTreeSet;

pub use redcap::Redcap;
pub use row::{Read, Row, Write, Written};
pub use shape::Shape;
use table_description::Description;

use crate::Result;
use crate::api::{Group, Overwrite, Project};
use crate::files::Folder;

/// Where clinicians work.
#[derive(Debug)]
pub enum Frontend {
    /// A project of a REDCap server.
    Redcap(Box<Redcap>),
    /// Files in a folder.
    Files(Box<Folder>),
}

impl Frontend {
    /// What the project is.
    #[must_use]
    pub fn project(&self) -> &Project {
        match self {
            Self::Redcap(redcap) => redcap.project(),
            Self::Files(folder) => folder.project(),
        }
    }

    /// The forms that hub and project share, of those `wanted`, in the hub's order.
    #[must_use]
    pub fn shapes(&self, forms: &Description, wanted: &dyn Fn(&str) -> bool) -> Vec<Shape> {
        let shape = |table| Shape::new(table, self.project(), matches!(self, Self::Files(_)));
        let shapes = forms.tables.iter().filter_map(shape);
        shapes.filter(|shape| wanted(&shape.form)).collect()
    }

    /// Ids of all records, each once.
    ///
    /// # Errors
    /// When the frontend cannot be read.
    pub async fn record_ids(&self) -> Result<BTreeSet<String>> {
        match self {
            Self::Redcap(redcap) => redcap.record_ids().await,
            Self::Files(folder) => Ok(folder.record_ids()),
        }
    }

    /// The rows of these records in these forms.
    ///
    /// # Errors
    /// When the frontend cannot be read.
    pub async fn read(&self, shapes: &[Shape], ids: &[&str]) -> Result<Read> {
        match self {
            Self::Redcap(redcap) => redcap.read(shapes, ids).await,
            Self::Files(folder) => Ok(folder.read_rows(shapes, ids)),
        }
    }

    /// Writes cells of rows of one form; rows that are not there are made.
    ///
    /// # Errors
    /// When the frontend cannot be written; rows it refuses are told in the result.
    pub async fn write(&mut self, shape: &Shape, rows: &[Write], overwrite: Overwrite) -> Result<Written> {
        match self {
            Self::Redcap(redcap) => redcap.write(shape, rows, overwrite).await,
            Self::Files(folder) => Ok(folder.write_rows(shape, rows)),
        }
    }

    /// The groups of users.
    ///
    /// # Errors
    /// When the frontend cannot be read, or gives no right to them.
    pub async fn groups(&self) -> Result<Vec<Group>> {
        match self {
            Self::Redcap(redcap) => redcap.client().groups().await,
            Self::Files(folder) => Ok(folder.groups()),
        }
    }

    /// Makes groups of these names.
    ///
    /// # Errors
    /// As [`Frontend::groups`].
    pub async fn create_groups(&mut self, names: &[&str]) -> Result<()> {
        match self {
            Self::Redcap(redcap) => redcap.client().create_groups(names).await,
            Self::Files(folder) => {
                folder.add_groups(names);
                Ok(())
            }
        }
    }

    /// Puts records into groups: id of the record, unique name of the group.
    ///
    /// # Errors
    /// As [`Frontend::write`].
    pub async fn assign(&mut self, groups: &[(String, String)]) -> Result<Written> {
        match self {
            Self::Redcap(redcap) => redcap.assign(groups).await,
            Self::Files(folder) => Ok(folder.assign(groups)),
        }
    }

    /// How many records are asked for at once.
    #[must_use]
    pub fn batch(&self, shapes: &[Shape]) -> usize {
        match self {
            Self::Redcap(redcap) => redcap.batch(shapes),
            Self::Files(_) => 500,
        }
    }

    /// Ends the exchange: what was written to files is stored now, all or nothing.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn finish(self) -> Result<()> {
        match self {
            Self::Redcap(_) => Ok(()),
            Self::Files(folder) => folder.store(),
        }
    }
}
