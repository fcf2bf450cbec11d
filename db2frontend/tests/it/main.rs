//! Tests on real parts. One binary; each module has one noun.
#![expect(clippy::unwrap_used, reason = "a test stops where something is amiss")]

mod description;
