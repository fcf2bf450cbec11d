//! Roles of people who read: what they get, and what they have.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, PgConnection};

use crate::schema::{Kind, Model, Script, StoredTable, identifier, version_order};
use crate::{Error, ErrorKind, Hub, Result};

/// Tables of which a reader gets figures and places, with the columns where some hold values.
const FIGURES: [&str; 9] = [
    "core.import",
    "core.import_rows",
    "core.recipe",
    "core.installation",
    "core.described",
    "core.described_part",
    "core.defect",
    "core.quarantine (id, table_name, inbox, sqlstate, reason, attempts, first_seen, last_tried, next_try, import_no)",
    "core.removed (table_name, id, import_no)",
];

/// Tables of core with ids of patients, or values, that a reader of values gets too.
const VALUES: [&str; 6] = [
    "lineage",
    "overwritten",
    "deleted",
    "unanswered",
    "watermark",
    "census",
];

/// The tables whose cells a role may see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readable(BTreeSet<String>);

impl Readable {
    /// Whether the role may see the cells of the table with this contract name.
    #[must_use]
    pub fn may_see(&self, table: &str) -> bool {
        self.0.contains(table)
    }

    /// Whether there is no such table.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Hub {
    /// The tables whose cells the role of this hub's connections may see: all rows of it, by the rights of the database.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn readable(&self, model: &Model) -> Result<Readable> {
        let names: Vec<&str> = model.tables().iter().map(|t| t.name.as_str()).collect();
        let found: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM unnest($1::text[]) AS name
             WHERE has_table_privilege(to_regclass(format('core.%I', name))::oid, 'SELECT')
               AND has_table_privilege(to_regclass(format('core.%I', name || '_rows'))::oid, 'SELECT')",
        )
        .bind(names)
        .fetch_all(self.pool())
        .await
        .map_err(|e| Error::sql("asking what the role may see", &e))?;
        Ok(Readable(found.into_iter().collect()))
    }

    /// Lets a role that is there read figures, places and reasons; with `values` also the cells of all tables. What it could
    /// read of the hub before is taken away first. A migration keeps it; cells
    /// of tables that it adds are given anew.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such role; [`ErrorKind::Options`] when it is one of the hub's own; when the
    /// server refuses.
    pub async fn grant_reading(&self, model: &Model, role: &str, values: bool) -> Result<()> {
        self.is_reader(role).await?;
        let mut script = revoked(model, role);
        let cells = match values {
            true => Cells::All,
            false => Cells::Of(BTreeSet::new()),
        };
        granted(&mut script, model, role, &cells);
        self.as_one(&script, role).await
    }

    /// Takes away what [`Hub::grant_reading`] gave.
    ///
    /// # Errors
    /// As there.
    pub async fn revoke_reading(&self, model: &Model, role: &str) -> Result<()> {
        self.is_reader(role).await?;
        self.as_one(&revoked(model, role), role).await
    }

    async fn is_reader(&self, role: &str) -> Result<()> {
        if crate::schema::ROLES.contains(&role) {
            let text =
                format!("{role} is one of the hub's own roles, whose rights the hub sets; name a person's");
            return Err(Error::new(ErrorKind::Options, text));
        }
        let is_there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
            .bind(role)
            .fetch_one(self.pool())
            .await
            .map_err(|e| Error::sql("looking for a role", &e))?;
        if is_there {
            return Ok(());
        }
        let text = format!("there is no role {role}; make it first: CREATE ROLE … LOGIN PASSWORD …");
        Err(Error::new(ErrorKind::NotFound, text))
    }

    async fn as_one(&self, script: &Script, role: &str) -> Result<()> {
        let failed = |e| Error::sql(format!("changing what {role} may read"), &e);
        let mut transaction = self.pool().begin().await.map_err(failed)?;
        execute(&mut transaction, script).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }
}

/// The tables of core whose cells a reader may see.
enum Cells {
    Of(BTreeSet<String>),
    All,
}

impl Cells {
    fn are_seen(&self, table: &str) -> bool {
        match self {
            Self::Of(tables) => tables.contains(table),
            Self::All => true,
        }
    }
}

/// Who may read the hub by [`Hub::grant_reading`], and the tables whose cells each may see.
#[derive(Debug)]
pub(crate) struct Readers(Vec<(String, Vec<String>)>);

impl Readers {
    /// Reads who they are from the rights to tables that stay through a migration.
    pub(crate) async fn found(connection: &mut PgConnection) -> Result<Self> {
        let found = sqlx::query_as(
            "SELECT reader.rolname::text,
                    ARRAY(SELECT relname::text FROM pg_class
                          WHERE relnamespace = of.relnamespace AND relkind = 'r' AND has_table_privilege(reader.oid, oid, 'SELECT'))
             FROM pg_class AS of, aclexplode(of.relacl) AS given JOIN pg_roles AS reader ON reader.oid = given.grantee
             WHERE of.oid = to_regclass('core.import_rows') AND given.privilege_type = 'SELECT'
               AND given.grantee <> of.relowner AND reader.rolname <> ALL ($1)
             ORDER BY 1",
        )
        .bind(&crate::schema::ROLES[..])
        .fetch_all(connection)
        .await
        .map_err(|e| Error::sql("asking who reads the hub", &e))?;
        Ok(Self(found))
    }

    /// Lets them read what a migration has made anew: of each table what they could before. Cells of a table that is new
    /// are given by somebody.
    pub(crate) async fn keep(self, connection: &mut PgConnection, model: &Model) -> Result<()> {
        for (role, tables) in self.0 {
            let cells = Cells::Of(tables.into_iter().collect());
            let mut script = Script::default();
            granted(&mut script, model, &role, &cells);
            execute(connection, &script)
                .await
                .map_err(|e| Error::sql(format!("keeping what {role} may read"), &e))?;
        }
        Ok(())
    }
}

async fn execute(connection: &mut PgConnection, script: &Script) -> sqlx::Result<()> {
    for statement in script.statements() {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn granted(script: &mut Script, model: &Model, role: &str, cells: &Cells) {
    let role = identifier(role);
    script.push(format!("GRANT USAGE ON SCHEMA core, db TO {role}"));
    for table in FIGURES {
        let (name, columns) = table.split_once(' ').unwrap_or((table, ""));
        script.push(format!("GRANT SELECT {columns} ON {name} TO {role}"));
    }
    script.push(format!("GRANT EXECUTE ON FUNCTION core.lock_holder() TO {role}"));
    for table in model.of(Kind::Raw) {
        // Which rows wait, and of which run they are.
        let open = format!("{}_open", table.name);
        let key = table.key_column();
        let key = identifier(&key);
        script.push(format!("GRANT SELECT ON core.{} TO {role}", identifier(&open)));
        script.push(format!(
            "GRANT SELECT ({key}, import_no) ON core.{} TO {role}",
            identifier(&table.name)
        ));
    }
    let tables: Vec<_> = model
        .tables()
        .iter()
        .filter(|t| cells.are_seen(&t.name))
        .collect();
    if tables.is_empty() {
        return;
    }
    script.push(format!("GRANT USAGE ON SCHEMA cds2db_out TO {role}"));
    for name in VALUES.iter().filter(|name| cells.are_seen(name)) {
        script.push(format!("GRANT SELECT ON core.{name} TO {role}"));
    }
    script.push(format!(
        "GRANT EXECUTE ON FUNCTION core.raw_moment(text) TO {role}"
    ));
    for table in tables {
        for name in table_names(table) {
            script.push(format!("GRANT SELECT ON {name} TO {role}"));
        }
        for function in functions(table) {
            script.push(format!("GRANT EXECUTE ON FUNCTION {function} TO {role}"));
        }
    }
}

fn revoked(model: &Model, role: &str) -> Script {
    let role = identifier(role);
    let mut script = Script::default();
    script.push(format!(
        "REVOKE ALL ON ALL TABLES IN SCHEMA core, cds2db_out FROM {role}"
    ));
    script.push(format!(
        "REVOKE ALL ON FUNCTION core.lock_holder(), core.raw_moment(text) FROM {role}"
    ));
    for table in model.tables() {
        for function in functions(table) {
            script.push(format!("REVOKE ALL ON FUNCTION {function} FROM {role}"));
        }
    }
    script.push(format!("REVOKE USAGE ON SCHEMA core, db, cds2db_out FROM {role}"));
    script
}

/// A table's rows, their view, its companions, and the view of its newest versions.
fn table_names(table: &StoredTable) -> Vec<String> {
    let core = |suffix: &str| format!("core.{}", identifier(&format!("{}{suffix}", table.name)));
    let mut names = vec![core(""), core("_rows"), core("_seen")];
    if table.kind == Kind::Typed {
        names.push(core("_link"));
    }
    if matches!(table.kind, Kind::Raw | Kind::Typed) && table.fhir_id_column().is_some() {
        let view = format!("v_{}_last_version", table.name);
        names.push(format!("cds2db_out.{}", identifier(&view)));
    }
    names
}

/// What shows a table as it was, and what the view of its newest versions asks with the rights of its reader.
fn functions(table: &StoredTable) -> Vec<String> {
    let as_of = identifier(&format!("{}_as_of", table.name)).into_owned();
    let newer = version_order::function(table).map(|function| function.signature);
    std::iter::once(format!("db.{as_of}(timestamptz)"))
        .chain(newer)
        .collect()
}
