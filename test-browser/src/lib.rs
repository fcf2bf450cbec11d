#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose browser does not do what it is told has failed"
)]

mod chromium;
mod client;
mod look;

pub use chromium::Chromium;
pub use client::{Client, Told, form};
pub use look::looked_at;
