//! The FHIR REST client: a search delivers everything or says what is missing.
//!
//! A [`Client`] talks to one server. [`Client::search`] gives [`Pages`], and these end in [`Step::Complete`] or an
//! [`Error`] that names the page and what had arrived; [`Complete`] can be had in no other way, so code that moves a
//! watermark asks for one. Pages hold the bytes of a response; cracking them is the caller's.
//!
//! ```no_run
//! # async fn run() -> Result<(), fhir_crack::search::Error> {
//! use fhir_crack::search::{Client, ClientOptions, Search, Step};
//!
//! let client = Client::new(ClientOptions::new("http://localhost:8080/fhir")?)?;
//! let mut pages = client.search(Search::new("Encounter").param("status", "in-progress").count(500));
//! let complete = loop {
//!     match pages.next().await? {
//!         Step::Page(page) => println!("{} bytes", page.bytes.len()),
//!         Step::Complete(complete) => break complete,
//!         Step::Limited(_) | _ => unreachable!("no limit of pages was set"),
//!     }
//! };
//! println!("{} encounters", complete.matches());
//! # Ok(()) }
//! ```
//!
//! When a paging link expires or the server's set changes under way, the search begins anew and its pages come a
//! second time; so the same resource may stand on several pages, and the store has to drop duplicates, as it must
//! for servers that repeat resources by themselves.

mod ask;
mod auth;
mod client;
mod complete;
mod disk;
mod envelope;
mod error;
mod event;
mod export;
mod options;
mod paging;
mod secret;
mod url;
mod wire;

pub use ask::asked::Asked;
pub use ask::capability::{Capability, Software, TypeCapability};
pub use ask::query::{Method, Search};
pub use auth::{Auth, OAuth, SmartBackend};
pub use client::Client;
pub use complete::{Complete, Limited, Outcome, Step};
pub use envelope::page::{Format, Page};
pub use error::{Error, ErrorKind, Phase, Place, Received};
pub use event::Event;
pub use export::{Export, ExportJob, ExportPart, Exported};
pub use options::{ClientOptions, Limits, Timeouts};
pub use paging::pages::{ManyPages, ManyStep, Pages};
pub use paging::requests::Reading;
pub use paging::spool::Spool;
pub use secret::Secret;
pub use url::link::NextUrl;
pub use wire::retry::RetryPolicy;
pub use wire::tls::Tls;
