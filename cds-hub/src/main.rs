//! cds-hub
fn main() {}
