//! `cds-hub`: creates, inspects and repairs a hub.

fn main() {}
