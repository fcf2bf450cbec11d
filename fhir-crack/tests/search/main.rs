//! The search client against servers that play tricks.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise, their helpers too"
)]

mod answers;
mod auth;
mod bundle;
mod exporting;
mod faults;
mod hfs;
mod hostile;
mod links;
mod origins;
mod paging;
mod posting;
mod requests;
mod retries;
mod secrecy;
mod server;
mod spooling;
mod tls;

use std::time::Duration;

use fhir_crack::search::{Client, ClientOptions, RetryPolicy, Timeouts};

/// Options with waits short enough for tests.
fn options(base: &str) -> ClientOptions {
    ClientOptions::new(base)
        .expect("base URL")
        .retry(RetryPolicy {
            attempts: 4,
            base: Duration::from_millis(2),
            cap: Duration::from_millis(20),
            retry_after_cap: Duration::from_millis(50),
            total: Duration::from_secs(20),
        })
        .timeouts(Timeouts {
            connect: Duration::from_secs(2),
            idle: Duration::from_millis(150),
            total: Duration::from_millis(600),
        })
}

fn client(base: &str) -> Client {
    Client::new(options(base)).expect("client")
}
