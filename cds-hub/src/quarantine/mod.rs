//! Rows the core refused, kept for another attempt.
