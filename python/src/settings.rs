use std::collections::HashMap;

use fhir_crack::{Duplicates, Notation};
use fhir_melt::arrow::{PassOptions, Profile, Rows};
use pyo3::prelude::*;
use table_description::typing::Zone;

use crate::description::melt_mode;
use crate::errors::Failure;

/// How rows are made, as Python says it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Settings {
    /// `raw`, `text`, `typed` or `lists`.
    pub(crate) rows: String,
    /// `native`, `spark` or `delta`.
    pub(crate) types: String,
    pub(crate) mode: Option<String>,
    pub(crate) zone: String,
    pub(crate) precision: bool,
    pub(crate) dictionaries: bool,
    pub(crate) decimals: Option<(u8, u8)>,
    pub(crate) decimal_columns: HashMap<String, (u8, u8)>,
    pub(crate) distinct: bool,
    pub(crate) row_limit: u64,
    pub(crate) batch_rows: usize,
    pub(crate) threads: usize,
    /// Opening and closing bracket; without them values stand bare.
    pub(crate) brackets: Option<(String, String)>,
    pub(crate) separator: String,
}

impl Settings {
    pub(crate) fn notation(&self) -> Result<Notation, Failure> {
        let mut notation = Notation::default();
        notation.separator.clone_from(&self.separator);
        match &self.brackets {
            Some((open, close)) => {
                notation.open.clone_from(open);
                notation.close.clone_from(close);
            }
            None => notation.indexed = false,
        }
        Ok(notation)
    }

    pub(crate) fn zone(&self) -> Result<Zone, Failure> {
        Zone::named(&self.zone).map_err(Failure::Description)
    }

    pub(crate) fn profile(&self) -> Result<Profile, Failure> {
        Profile::from_word(&self.types)
            .ok_or_else(|| Failure::Option("types is one of native, spark, delta".to_owned()))
    }

    pub(crate) fn options(&self) -> Result<PassOptions, Failure> {
        let rows = match self.rows.as_str() {
            "raw" => Rows::Raw(self.notation()?),
            "text" => Rows::Text,
            "typed" => Rows::Typed(self.zone()?),
            "lists" => Rows::Lists(self.zone()?),
            _ => return Err(Failure::Option("rows are raw, text, typed or lists".to_owned())),
        };
        let mut options = PassOptions::new(rows);
        options.mode = self.mode.as_deref().map(melt_mode).transpose()?;
        options.row_limit = self.row_limit;
        options.batch_rows = self.batch_rows.max(1);
        options.threads = match self.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads.min(1024),
        };
        options.arrow.profile = self.profile()?;
        options.arrow.precision = self.precision;
        options.arrow.dictionaries = self.dictionaries;
        options.arrow.decimals.all = self.decimals;
        options.arrow.decimals.columns.clone_from(&self.decimal_columns);
        if !options.arrow.decimals.is_sound() {
            return Err(Failure::Option(
                "decimals have 1 to 38 digits, and no more of them behind the point".to_owned(),
            ));
        }
        if self.distinct {
            options.crack.duplicates = Duplicates::Remove;
        }
        Ok(options)
    }
}
