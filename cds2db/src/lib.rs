//! cds2db
