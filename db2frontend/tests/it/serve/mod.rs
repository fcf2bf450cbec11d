//! The pages: read, filled in, attacked, and used in a browser.

#![expect(
    clippy::panic,
    reason = "a helper stops where something is amiss, and a test that cannot run says so"
)]

mod beside;
mod browser;
mod client;
mod demo;
mod hostile;
mod pages;
mod site;

pub(crate) use site::make_roles;
