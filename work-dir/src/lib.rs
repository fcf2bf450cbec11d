//! work-dir
