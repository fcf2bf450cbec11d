//! The hub's tables, views, roles and functions, made from descriptions.

mod function;
mod hub_tables;
mod model;
mod stored_table;

pub use function::Function;
pub use hub_tables::HubTables;
pub use model::Model;
pub use stored_table::{Kind, StoredColumn, StoredTable};
