/// One SQL function of the hub, created by [`crate::Hub::init`] and every migration.
///
/// EXECUTE is revoked from PUBLIC and granted to `roles` by the schema, never by the function's own text.
#[derive(Clone, Debug)]
pub struct Function {
    /// Qualified name with argument types, as GRANT wants it: `db.data_transfer_stop(varchar, varchar)`.
    pub signature: String,
    /// One `CREATE OR REPLACE FUNCTION` statement.
    pub sql: String,
    /// Roles that may execute it.
    pub roles: &'static [&'static str],
}
