//! cds2db
fn main() {}
