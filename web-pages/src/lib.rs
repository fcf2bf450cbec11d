#![doc = include_str!("../README.md")]

mod assets;
pub mod attempts;
pub mod form;
pub mod guard;
pub mod listen;
pub mod log_in;
pub mod page;
pub mod session;
pub mod table;
pub mod token;
pub mod trend;
pub mod visit;

pub use attempts::Attempts;
pub use form::{Choice, Field, Form, Input};
pub use guard::Hosts;
pub use log_in::log_in;
pub use page::{Notice, Page};
pub use session::{Session, SessionTimes, Sessions};
pub use table::Table;
pub use token::Tokens;
pub use trend::Trend;
pub use visit::{Anonymous, Site, Submission, Visitor};
