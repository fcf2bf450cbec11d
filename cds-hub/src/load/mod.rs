//! One import: several tables, one transaction, one processing number.
