//! The hub's tables, views, roles and functions, made from descriptions.

mod contract_view;
mod core_table;
mod function;
mod grants;
mod hub_tables;
mod identifier;
mod inbox;
mod install;
mod model;
mod original;
mod reading_view;
mod recipe;
mod script;
mod stored_table;

pub use function::Function;
pub use hub_tables::HubTables;
pub use identifier::identifier;
pub use install::script;
pub use model::Model;
pub use script::Script;
pub use stored_table::{Kind, StoredColumn, StoredTable};
