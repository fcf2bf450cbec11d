//! The configuration of the existing sites: one flat name space of upper-case keys in TOML files.

mod keys;
mod overrides;
mod read;
mod settings;
mod template;

pub use keys::{Effect, KEYS, Key};
pub use overrides::Overrides;
pub use read::Config;
pub use settings::{
    DatabaseSettings, DebugSettings, EncounterSearch, ImportSettings, ServerSettings, Settings, Wards,
};
pub use template::{default_file, reference};
