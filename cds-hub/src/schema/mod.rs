//! The hub's tables, views, roles and functions, made from descriptions.

pub(crate) mod compose;
mod contract;
pub(crate) mod contract_view;
mod core_table;
pub(crate) mod definitions;
pub(crate) mod described;
mod function;
mod grants;
pub(crate) mod guard;
mod hub_tables;
pub(crate) mod identifier;
pub(crate) mod inbox;
pub(crate) mod index;
pub(crate) mod install;
mod model;
mod original;
mod password;
mod patient_reference;
mod precision_view;
mod reading_view;
pub(crate) mod recipe;
mod script;
pub(crate) mod seen;
mod stored_table;
pub(crate) mod version_order;
pub(crate) mod visible;
mod writable;

pub use compose::script;
pub use function::Function;
pub use hub_tables::HubTables;
pub use identifier::identifier;
pub use model::Model;
pub use password::ROLES;
pub use patient_reference::refers_to_patients;
pub use script::Script;
pub use stored_table::{Kind, StoredColumn, StoredTable};
