//! The configuration of the existing sites: one flat name space of upper-case keys in TOML files.

mod filter;
mod keys;
mod overrides;
mod read;
mod settings;
mod template;

pub use filter::{CATEGORY, CODE, WINDOW, date_parameter};
pub use keys::{Effect, KEYS, Key};
pub use overrides::Overrides;
pub use read::Config;
pub use settings::{
    DatabaseSettings, DebugSettings, Deletions, EncounterSearch, ImportSettings, ResourceFilter,
    ServerSettings, Settings, Wards,
};
pub use template::{default_file, reference};
