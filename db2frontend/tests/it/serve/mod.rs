//! The pages: read, filled in, attacked, and used in a browser.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper stops where something is amiss, and a test that cannot run says so"
)]

mod browser;
mod chromium;
mod client;
mod hostile;
mod hub;
mod pages;
mod site;
