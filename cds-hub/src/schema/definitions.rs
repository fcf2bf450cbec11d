//! What was installed of functions, views and triggers, as the database itself says it: whoever replaces one later is
//! noticed by name.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::Script;
use crate::{Error, Result};

/// The definitions as they are: kind, identity and digest. A view's text depends on the server's version, so that of another
/// major version is not compared.
const PRESENT: &str = "
SELECT o.kind, (pg_identify_object(o.classid, o.objid, 0)).identity AS identity, o.digest
FROM (
  SELECT 'function' AS kind, 'pg_proc'::regclass::oid AS classid, p.oid AS objid,
    md5(concat_ws('|', p.prosrc, p.prolang, p.provolatile, p.prosecdef, p.proisstrict, p.proconfig::text,
      pg_get_function_arguments(p.oid), pg_get_function_result(p.oid))) AS digest
  FROM pg_proc p WHERE p.pronamespace IN (SELECT n.oid FROM pg_namespace n WHERE n.nspname = ANY ($1)) AND p.prokind = 'f'
  UNION ALL
  SELECT 'view', 'pg_class'::regclass::oid, c.oid, md5(pg_get_viewdef(c.oid))
  FROM pg_class c WHERE c.relnamespace IN (SELECT n.oid FROM pg_namespace n WHERE n.nspname = ANY ($1)) AND c.relkind = 'v'
  UNION ALL
  SELECT 'trigger', 'pg_trigger'::regclass::oid, t.oid, md5(concat_ws('|', t.tgtype, t.tgenabled, t.tgfoid::regprocedure))
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  WHERE c.relnamespace IN (SELECT n.oid FROM pg_namespace n WHERE n.nspname = ANY ($1)) AND NOT t.tgisinternal
) o";

/// Schemas whose functions, views and triggers are the hub's.
const SCHEMAS: [&str; 10] = [
    "cds2db_in",
    "cds2db_out",
    "db2dataprocessor_in",
    "db2dataprocessor_out",
    "db2frontend_in",
    "db2frontend_out",
    "db_log",
    "db",
    "db_config",
    "core",
];

/// A definition that is not as it was installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Altered {
    /// What it is and its qualified name: `function db.data_transfer_start(character varying)`.
    pub(crate) object: String,
    /// What happened to it.
    pub(crate) how: &'static str,
}

type Definitions = BTreeMap<(String, String), String>;

async fn present(connection: &mut PgConnection) -> Result<Definitions> {
    let failed = |e| Error::sql("reading the definitions of functions and views", &e);
    // Names within definitions are written in full only where nothing is searched for.
    sqlx::query("SET LOCAL search_path = pg_catalog")
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    let rows: Vec<(String, String, String)> = sqlx::query_as(PRESENT)
        .bind(SCHEMAS.as_slice())
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    sqlx::query("SET LOCAL search_path TO DEFAULT")
        .execute(connection)
        .await
        .map_err(failed)?;
    let key = |(kind, identity, digest)| ((kind, identity), digest);
    Ok(rows.into_iter().map(key).collect())
}

/// Notes the definitions as they are now, of views those that the script makes: others are the site's.
pub(crate) async fn keep(connection: &mut PgConnection, script: &Script) -> Result<()> {
    let ours: Vec<&str> = script.views().collect();
    let mut definitions = present(connection).await?;
    definitions.retain(|(kind, identity), _| kind != "view" || ours.contains(&identity.as_str()));
    let (mut kinds, mut identities, mut digests) = (Vec::new(), Vec::new(), Vec::new());
    for ((kind, identity), digest) in definitions {
        kinds.push(kind);
        identities.push(identity);
        digests.push(digest);
    }
    let failed = |e| Error::sql("noting the definitions of functions and views", &e);
    sqlx::query("DELETE FROM core.definition")
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    sqlx::query(
        "INSERT INTO core.definition (kind, identity, digest, server)
         SELECT d.kind, d.identity, d.digest, current_setting('server_version_num')::int / 10000
         FROM unnest($1::text[], $2::text[], $3::text[]) AS d(kind, identity, digest)",
    )
    .bind(kinds)
    .bind(identities)
    .bind(digests)
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// The definitions that are not as they were installed, by name; none where nothing was noted.
pub(crate) async fn altered(connection: &mut PgConnection) -> Result<Vec<Altered>> {
    let failed = |e| Error::sql("reading what was installed", &e);
    let noted: bool = sqlx::query_scalar("SELECT to_regclass('core.definition') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if !noted {
        return Ok(Vec::new());
    }
    let installed: Vec<(String, String, String, bool)> = sqlx::query_as(
        "SELECT kind, identity, digest, server = current_setting('server_version_num')::int / 10000 FROM core.definition",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    if installed.is_empty() {
        return Ok(Vec::new());
    }
    let mut present = present(connection).await?;
    // A function of the same name with other arguments is called instead of ours.
    let names: Vec<String> = installed
        .iter()
        .filter(|(kind, ..)| kind == "function")
        .filter_map(|(_, identity, ..)| Some(identity.split_once('(')?.0.to_owned()))
        .collect();
    let mut altered = Vec::new();
    for (kind, identity, digest, same_server) in installed {
        let object = format!("{kind} {identity}");
        match present.remove(&(kind.clone(), identity)) {
            None => altered.push(Altered {
                object,
                how: "is gone",
            }),
            Some(now) if now != digest && (same_server || kind == "function") => {
                altered.push(Altered {
                    object,
                    how: "was replaced",
                });
            }
            Some(_) => {}
        }
    }
    for (kind, identity) in present.into_keys().filter(|(kind, _)| kind == "function") {
        let name = identity.split_once('(').map(|(name, _)| name.to_owned());
        if name.is_some_and(|name| names.contains(&name)) {
            altered.push(Altered {
                object: format!("{kind} {identity}"),
                how: "was added beside ours",
            });
        }
    }
    altered.sort_by(|a, b| a.object.cmp(&b.object));
    Ok(altered)
}
