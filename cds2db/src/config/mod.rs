//! The configuration of the existing sites: one flat name space of upper-case keys in TOML files.
//!
//! [`Config::read`] gives [`Settings`], whose `Default` is the documented default of every key. Each file here holds one
//! noun: its keys, their default and what is refused of them.

mod chain;
mod debug;
mod deletions;
mod empty_wards;
mod encounters;
mod faults;
mod filter;
mod import;
mod keys;
mod login;
mod memory;
mod overrides;
mod read;
mod server;
mod settings;
mod template;
mod texts;
mod wards;

pub use chain::ChainSettings;
pub use debug::DebugSettings;
pub use deletions::Deletions;
pub use empty_wards::EmptyWards;
pub use encounters::EncounterSearch;
pub use faults::Faults;
pub use filter::{CATEGORY, CODE, ResourceFilter, WINDOW, date_parameter};
pub use import::ImportSettings;
pub use keys::{Effect, KEYS, Key};
pub use login::in_words as login_in_words;
pub use overrides::Overrides;
pub use read::Config;
pub use server::{ExportOf, ServerSettings};
pub use settings::Settings;
pub use site_config::{Database, DatabaseTls};
pub use template::{default_file, reference};
pub(crate) use texts::parameters as search_parameters;
pub use wards::Wards;
