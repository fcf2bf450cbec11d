use sqlx::{AssertSqlSafe, PgConnection};

use super::catalogue::Catalogue;
use super::{Change, Plan, Question, adopt};
use crate::overview::Readers;
use crate::schema::install::{Found, fingerprint, found, lock, note, run};
use crate::schema::{HubTables, Model, Script, compose, definitions, described, script};
use crate::{Error, ErrorKind, Hub, Result};

impl Hub {
    /// What [`Self::migrate`] would do to bring this database to these tables; changes nothing.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub async fn migration(&self, tables: &HubTables) -> Result<Plan> {
        let mut transaction = self
            .pool()
            .begin()
            .await
            .map_err(|e| Error::sql("looking at the database", &e))?;
        plan(&mut transaction, tables).await
    }

    /// Brings this database to these tables in one transaction: an older hub, or one of the original system.
    ///
    /// With open questions nothing is done unless `accept` is set; [`Plan::is_applied`] tells.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when the database is empty, or rows wait in an inbox whose columns change; [`ErrorKind::Database`] when the server
    /// refuses. The database is then as before.
    pub async fn migrate(&self, tables: &HubTables, accept: bool) -> Result<Plan> {
        let mut transaction = self
            .pool()
            .begin()
            .await
            .map_err(|e| Error::sql("beginning the migration", &e))?;
        lock(&mut transaction).await?;
        sweep(&mut transaction).await?;
        let mut plan = plan(&mut transaction, tables).await?;
        if plan.changes.is_empty() || (!plan.questions.is_empty() && !accept) {
            plan.applied = plan.questions.is_empty();
            return Ok(plan);
        }
        for inbox in &plan.emptied {
            refuse_waiting(&mut transaction, inbox).await?;
        }
        let readers = Readers::found(&mut transaction).await?;
        run(&mut transaction, &plan.script).await?;
        readers.keep(&mut transaction, &Model::new(tables)).await?;
        if plan.changes.contains(&Change::Adopt) {
            plan.remarks.extend(adopt::remarks(&mut transaction).await?);
        }
        self.keep_settings(&mut transaction).await?;
        let whole = script(tables);
        note(&mut transaction, &fingerprint(&whole), &whole).await?;
        described::keep(&mut transaction, tables).await?;
        transaction
            .commit()
            .await
            .map_err(|e| Error::sql("committing the migration", &e))?;
        plan.applied = true;
        Ok(plan)
    }
}

/// Takes away what an import that ended early left; a hub of an older release has no such.
async fn sweep(connection: &mut PgConnection) -> Result<()> {
    let failed = |e: &sqlx::Error| Error::sql("taking away the rows of an import that ended early", e);
    let is_there: bool = sqlx::query_scalar("SELECT to_regprocedure('core.sweep()') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(|e| failed(&e))?;
    if is_there {
        sqlx::query("SELECT core.sweep()")
            .execute(connection)
            .await
            .map_err(|e| failed(&e))?;
    }
    Ok(())
}

impl Hub {
    /// The tables a migration brings this database to where nobody names others: those the hub was made for, and those of a
    /// site with them; of an original system, the columns that it has.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn tables_to_keep(&self) -> Result<HubTables> {
        let mut transaction = self
            .pool()
            .begin()
            .await
            .map_err(|e| Error::sql("looking at the database", &e))?;
        match found(&mut transaction).await? {
            Found::Original => Ok(adopt::of_original(
                &Catalogue::read(&mut transaction, false).await?,
            )),
            Found::Nothing => Ok(HubTables::standard()),
            Found::Hub(_) => {
                let kept = described::read(&mut transaction).await?;
                Ok(kept.unwrap_or_else(HubTables::standard))
            }
        }
    }
}

/// How many changes would bring the tables to those described, whatever was noted about the installation.
pub(crate) async fn differences(connection: &mut PgConnection, tables: &HubTables) -> Result<usize> {
    match found(connection).await? {
        Found::Hub(_) => {
            let catalogue = Catalogue::read(connection, true).await?;
            Ok(Plan::compare(&Model::new(tables), &catalogue).changes.len())
        }
        Found::Nothing | Found::Original => Err(Error::new(ErrorKind::Schema, "the database is no hub")),
    }
}

async fn plan(connection: &mut PgConnection, tables: &HubTables) -> Result<Plan> {
    let wanted = fingerprint(&script(tables));
    match found(connection).await? {
        Found::Nothing => Err(Error::new(
            ErrorKind::Schema,
            "the database is empty: there is nothing to migrate; `cds-hub init` makes a hub",
        )),
        Found::Hub(installed) => {
            if installed == wanted && definitions::altered(connection).await?.is_empty() {
                return Ok(Plan::default());
            }
            let model = Model::new(tables);
            let catalogue = Catalogue::read(connection, true).await?;
            renewed(connection, &model, &catalogue).await
        }
        Found::Original => {
            let catalogue = Catalogue::read(connection, false).await?;
            adopt::plan(tables, &catalogue)
        }
    }
}

/// The comparison, between taking all views and functions away and making them anew.
async fn renewed(connection: &mut PgConnection, model: &Model, catalogue: &Catalogue) -> Result<Plan> {
    let mut views = Script::default();
    compose::views(&mut views, model);
    let mut own: Vec<String> = views
        .views()
        .filter(|v| catalogue.has_view(v))
        .map(str::to_owned)
        .collect();
    // Only tables with columns of ours have one, so a narrower description leaves some over.
    let left = catalogue
        .views()
        .filter(|v| v.starts_with("cds2db_out.v_") && v.ends_with("_raw_diff_all"));
    own.extend(
        left.filter(|v| !own.iter().any(|o| o == v))
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    );
    let foreign = foreign_views(connection, &own).await?;

    let compared = Plan::compare(model, catalogue);
    let mut plan = Plan {
        script: Script::default(),
        ..compared.clone()
    };
    plan.questions.extend(
        foreign
            .iter()
            .map(|v| Question::ForeignView { view: v.name.clone() }),
    );
    plan.script.heading("Views and functions that are made anew");
    for view in foreign.iter().rev().map(|v| &v.name).chain(own.iter().rev()) {
        plan.script.push(format!("DROP VIEW {view}"));
    }
    // Those of older releases too, whose arguments were others.
    for function in own_functions(connection).await? {
        plan.script.push(format!("DROP FUNCTION {function}"));
    }
    let altered = definitions::altered(connection).await?;
    if altered
        .iter()
        .any(|altered| KEPT_FUNCTIONS.iter().any(|kept| altered.object.contains(kept)))
    {
        plan.script
            .file("Functions that hashes need", compose::KEPT_FUNCTIONS);
    }
    plan.script.file("What was added later", compose::LATER);
    plan.script.append(compared.script);
    plan.script.append(views);
    compose::functions(&mut plan.script, model);
    compose::triggers(&mut plan.script, model);
    compose::rights_and_comments(&mut plan.script, model);
    for view in foreign {
        plan.script.push(view.definition);
        for grant in view.grants {
            plan.script.push(grant);
        }
    }
    plan.changes.push(Change::Renew);
    Ok(plan)
}

/// How the functions begin that are not taken away and made anew.
const KEPT_FUNCTIONS: [&str; 3] = ["db.to_char_immutable(", "db.content_hash(", "core.raw_moment("];

/// The functions of the hub with their argument types, but for those that hashes and other kept objects need.
async fn own_functions(connection: &mut PgConnection) -> Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname IN ('core', 'db') AND p.prokind = 'f'
           AND (n.nspname = 'core' OR p.proname !~ '^(to_char_immutable|content_hash)$') AND p.proname <> ALL ('{raw_moment,guard_definitions}')
         ORDER BY 1",
    )
    .fetch_all(connection)
    .await
    .map_err(|e| Error::sql("looking for functions", &e))
}

/// A view that is not the hub's but reads one of it.
struct ForeignView {
    name: String,
    definition: String,
    grants: Vec<String>,
}

/// Views outside `own` that read one of them, directly or not; each after those it reads.
async fn foreign_views(connection: &mut PgConnection, own: &[String]) -> Result<Vec<ForeignView>> {
    let views: Vec<(String, String, Vec<String>)> = sqlx::query_as(
        "WITH RECURSIVE reader AS ( \
           SELECT v::regclass::oid AS oid, 0 AS depth FROM unnest($1::text[]) v \
           UNION \
           SELECT w.ev_class, reader.depth + 1 FROM reader \
           JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = reader.oid \
           JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid AND w.ev_class <> reader.oid) \
         SELECT format('%I.%I', n.nspname, c.relname), \
           format('CREATE %s %I.%I AS %s', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, \
             n.nspname, c.relname, rtrim(pg_get_viewdef(c.oid), ';')), \
           ARRAY(SELECT format('GRANT %s ON %I.%I TO %s', a.privilege_type, n.nspname, c.relname, \
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END) \
             FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner) \
           || ARRAY(SELECT format('ALTER TABLE %I.%I OWNER TO %I', n.nspname, c.relname, pg_get_userbyid(c.relowner)) \
             WHERE pg_get_userbyid(c.relowner) <> current_user) \
         FROM (SELECT oid, max(depth) AS depth FROM reader GROUP BY oid) r \
         JOIN pg_class c ON c.oid = r.oid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE format('%I.%I', n.nspname, c.relname) <> ALL ($1) AND c.relkind = 'v' ORDER BY r.depth, 1",
    )
    .bind(own)
    .fetch_all(connection)
    .await
    .map_err(|e| Error::sql("looking for views of others", &e))?;
    Ok(views
        .into_iter()
        .map(|(name, definition, grants)| ForeignView {
            name,
            definition,
            grants,
        })
        .collect())
}

async fn refuse_waiting(connection: &mut PgConnection, inbox: &str) -> Result<()> {
    let sql = format!("SELECT EXISTS (SELECT FROM {inbox})");
    let (waiting,): (bool,) = sqlx::query_as(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .map_err(|e| Error::sql("looking into an inbox", &e))?;
    if waiting {
        let place = format!("rows wait in {inbox}; transfer them first");
        return Err(Error::new(ErrorKind::Schema, place));
    }
    Ok(())
}
