//! Tests of the data, per batch and over all rows. A test looks at the profile of a table and never changes a row.
//!
//! Outcomes say where and how many, and a code or unit only where enough patients share it.

mod action;
mod checks_of_run;
mod clear;
mod clearance;
mod codes;
mod concerned;
mod dates;
mod distribution;
mod drift;
mod limits;
mod log;
mod nulls;
mod numbers;
mod outcome;
mod reference;
mod references;
mod results;
mod rules;
mod site;
mod strict;
mod structure;
mod subject;
pub mod ucum;
mod uniqueness;
mod units;

pub use action::{Action, Floor};
pub use checks_of_run::{CheckOptions, Checks, Findings};
pub use clearance::{Clearance, Held, Released, Remark, TableClearance};
pub use limits::{
    Codes, Dates, Distribution, Drift, Nulls, References as ReferenceRules, Remarking, Singleton, Site,
    Stopping, Systems,
};
pub use outcome::{Outcome, Ratio, Severity, Verdict};
pub(crate) use reference::median_of;
pub use reference::{References, reference_of};
pub use results::{BatchResults, Results, TableResults};
pub use rules::{DEFAULT_RULES, Rules};
pub use strict::Strict;
pub(crate) use subject::Subject;
