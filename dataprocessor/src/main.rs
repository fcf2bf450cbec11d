//! dataprocessor
fn main() {}
