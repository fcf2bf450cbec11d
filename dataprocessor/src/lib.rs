//! dataprocessor
