//! The hub beside the original's catalogue as it was recorded: every difference is one that `DESIGN.md` lists.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cds_hub::Hub;
use sqlx::{AssertSqlSafe, Row};

use crate::schema::original;
use crate::server::empty_database;

/// What is accepted: which part, a pattern of its lines, and the words that `DESIGN.md` has for it.
const LISTED: &[(&str, &str, &str)] = &[
    (
        "relations",
        r"^db2frontend_out\|v_precision\|view$",
        "views of ours",
    ),
    ("columns", r"^db2frontend_out\|v_precision\|", "views of ours"),
    ("columns_pos", r"^db2frontend_out\|v_precision\|", "views of ours"),
    ("schemas", "^cron$", "no schema `cron`"),
    ("schemas", "^core$", "schema `core`"),
    ("relations", r"^cron\|", "no schema `cron`"),
    ("columns", r"^cron\|", "no schema `cron`"),
    ("columns_pos", r"^cron\|", "no schema `cron`"),
    ("constraints", r"^cron\|", "no schema `cron`"),
    (
        "relations",
        r"^public\|bg_stub_seq\|sequence$",
        "no schema `cron`",
    ),
    (
        "constraints",
        r"^db(_config)?\|.*\|p\|PRIMARY KEY \(id\)$",
        "primary keys of its own tables",
    ),
    (
        "rel_grants",
        r"^db\|data_import_hist\|db_log_user\|",
        "`db_log_user` reads `db_log` only",
    ),
    ("relations", r"^db_log\|.*\|(table|view)$", "`db_log` holds views"),
    (
        "relations",
        r"^cds2db_out\|(v_deleted_resource|v_precision)\|view$",
        "views of ours",
    ),
    (
        "relations",
        r"^db2dataprocessor_out\|(v_deleted_resource|v_lineage|v_precision)\|view$",
        "views of ours",
    ),
    (
        "columns",
        r"^cds2db_out\|(v_deleted_resource|v_precision)\|",
        "views of ours",
    ),
    (
        "columns",
        r"^db2dataprocessor_out\|(v_deleted_resource|v_lineage|v_precision)\|",
        "views of ours",
    ),
    (
        "columns_pos",
        r"^cds2db_out\|(v_deleted_resource|v_precision)\|",
        "views of ours",
    ),
    (
        "columns_pos",
        r"^db2dataprocessor_out\|(v_deleted_resource|v_lineage|v_precision)\|",
        "views of ours",
    ),
    ("functions", r"^db\|content_hash\|", "functions of ours"),
    (
        "functions",
        r"^db\|set_old_calculated_items\|",
        "functions of ours",
    ),
    ("functions", r"^db\|[a-z_]+_as_of\|", "functions of ours"),
    (
        "functions",
        r"^db\|to_char_immutable\|input_data date\|",
        "functions of ours",
    ),
    ("func_grants", r"\|PUBLIC$", "nothing is open to PUBLIC"),
    ("func_grants", r"^db\|", "who may call a function"),
    (
        "rel_grants",
        r"^(cds2db|db2dataprocessor|db2frontend)_in\|.*\|TRIGGER$",
        "no role may attach triggers",
    ),
    ("rel_grants", r"\|db_user\|", "`db_user` reads `db_config` only"),
    (
        "rel_grants",
        r"_in\|.*\|db_log_user\|",
        "`db_log_user` reads `db_log` only",
    ),
    (
        "rel_grants",
        r"^db_log\|.*\|db_log_user\|TRIGGER$",
        "no role may attach triggers",
    ),
    (
        "rel_grants",
        r"^(cds2db|db2dataprocessor|db2frontend)_out\|(v_deleted_resource|v_lineage|v_precision)\|",
        "views of ours",
    ),
    (
        "rel_grants",
        r"^db_config\|(db_process_control|db_parameter)\|",
        "modules read state and parameters",
    ),
    (
        "rel_grants",
        r"^db\|data_import_hist_id_seq\|",
        "sequences behind `serial` columns",
    ),
    ("schema_grants", r"^core\|", "schema `core`"),
    ("schema_grants", r"^cron\|", "no schema `cron`"),
    (
        "schema_grants",
        r"^db_config\|",
        "modules read state and parameters",
    ),
    ("schema_grants", r"^public\|", "schema `public` is the server's"),
    ("triggers", r"^db_log\|", "`db_log` holds views"),
    ("constraints", r"^db_log\|", "`db_log` holds views"),
    (
        "parameters",
        "^(number_of_data_records_after_which_the_status_is_updated|transfer_interval_seconds)$",
        "two parameters more",
    ),
];

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/hub-inventory");
    if !folder.is_dir() {
        x_skipped::skip!("../shared is absent, so the hub is not compared with the original's catalogue");
        return None;
    }
    Some(folder)
}

fn recorded(folder: &Path, part: &str) -> String {
    let plain = folder.join(format!("{part}.txt"));
    if plain.exists() {
        return std::fs::read_to_string(plain).unwrap();
    }
    let file = std::fs::File::open(folder.join(format!("{part}.txt.gz"))).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// The recorded lines in the form our queries give.
fn theirs(folder: &Path, part: &str) -> BTreeSet<String> {
    let text = recorded(folder, part);
    let lines = text.lines().filter(|l| !l.is_empty());
    match part {
        // Owner, language and volatility are not what a caller sees.
        "schemas" | "parameters" => lines.map(|l| l.split('|').next().unwrap().to_owned()).collect(),
        "functions" => lines
            .map(|l| l.split('|').take(4).collect::<Vec<_>>().join("|"))
            .collect(),
        "func_grants" => lines.map(|l| l.trim_end_matches("|EXECUTE").to_owned()).collect(),
        // One line a right, so that a missing one does not hide others.
        "rel_grants" => lines
            .flat_map(|l| {
                let (place, rights) = l.rsplit_once('|').unwrap();
                rights
                    .split(',')
                    .map(move |r| format!("{place}|{r}"))
                    .collect::<Vec<_>>()
            })
            .collect(),
        "constraints" => lines.map(str::to_owned).collect(),
        "roles" => lines
            .filter(|l| !l.starts_with("cds_hub_db_admin"))
            .map(str::to_owned)
            .collect(),
        _ => lines.map(str::to_owned).collect(),
    }
}

const OURS: &str = "n.nspname ~ '^(cds2db_|db2|db_|db$)'";

fn query(part: &str) -> String {
    let grants = |kinds: &str| {
        format!(
            "SELECT format('%s|%s|%s|%s', n.nspname, c.relname, pg_get_userbyid(a.grantee), a.privilege_type)
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN aclexplode(c.relacl) a
             WHERE {OURS} AND c.relkind IN ({kinds}) AND a.grantee <> c.relowner"
        )
    };
    match part {
        "schemas" => "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'".to_owned(),
        "relations" => format!(
            "SELECT format('%s|%s|%s', n.nspname, c.relname, CASE c.relkind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'table' END)
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS} AND c.relkind IN ('r', 'v', 'S')"
        ),
        "columns" => format!(
            "SELECT concat(n.nspname, '|', table_name, '|', column_name, '|', data_type, '|', udt_name, '|',
                    character_maximum_length, '|', datetime_precision)
             FROM information_schema.columns JOIN pg_namespace n ON n.nspname = table_schema WHERE {OURS}"
        ),
        "columns_pos" => format!(
            "SELECT format('%s|%s|%s|%s', n.nspname, table_name, to_char(row_number() OVER (
                      PARTITION BY table_schema, table_name ORDER BY ordinal_position), 'FM0000'), column_name)
             FROM information_schema.columns JOIN pg_namespace n ON n.nspname = table_schema WHERE {OURS}"
        ),
        "functions" => format!(
            "SELECT format('%s|%s|%s|%s', n.nspname, p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid))
             FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {OURS}"
        ),
        "func_grants" => format!(
            "SELECT format('%s|%s(%s)|%s', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid),
                    pg_get_userbyid(a.grantee))
             FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace CROSS JOIN aclexplode(p.proacl) a
             WHERE {OURS} AND a.grantee <> p.proowner"
        ),
        "rel_grants" => grants("'r', 'v', 'S'"),
        "schema_grants" => "SELECT format('%s|%s|%s', n.nspname, pg_get_userbyid(a.grantee), a.privilege_type)
             FROM pg_namespace n CROSS JOIN aclexplode(n.nspacl) a
             WHERE n.nspname !~ '^pg_|^information_schema$|^public$' AND a.grantee <> n.nspowner".to_owned(),
        "triggers" => format!(
            "SELECT format('%s|%s|%s|%s', n.nspname, c.relname, t.tgname, pg_get_triggerdef(t.oid)) FROM pg_trigger t
             JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND {OURS}"
        ),
        "constraints" => format!(
            "SELECT format('%s|%s|%s|%s', n.nspname, c.relname, k.contype, pg_get_constraintdef(k.oid)) FROM pg_constraint k
             JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE {OURS} AND k.contype <> 'n'"
        ),
        "parameters" => "SELECT parameter_name FROM db_config.db_parameter".to_owned(),
        "roles" => "SELECT concat(rolname, '|', left(rolsuper::text, 1), '|', left(rolcanlogin::text, 1), '|', rolconnlimit, '|',
             left(rolcreatedb::text, 1), '|', left(rolcreaterole::text, 1), '|', left(rolreplication::text, 1), '|',
             left(rolinherit::text, 1))
             FROM pg_roles WHERE rolname ~ '^(cds2db|db2dataprocessor|db2frontend|db_log|db)_user$'".to_owned(),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_differs_from_the_originals_catalogue_only_as_listed() {
    let (Some(folder), Some(tables)) = (folder(), original()) else {
        return;
    };
    let hub = Hub::connect(&empty_database().await).await.unwrap();
    hub.init(&tables).await.unwrap();
    let design = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../DESIGN.md")).unwrap();
    let mut used = BTreeSet::new();
    let mut unlisted = Vec::new();
    let mut compared = 0;
    for part in [
        "schemas",
        "relations",
        "columns",
        "columns_pos",
        "functions",
        "func_grants",
        "rel_grants",
        "schema_grants",
        "triggers",
        "constraints",
        "parameters",
        "roles",
    ] {
        let found = sqlx::query(AssertSqlSafe(query(part)))
            .fetch_all(hub.pool())
            .await
            .unwrap();
        let ours: BTreeSet<String> = found.iter().map(|row| row.get::<String, _>(0)).collect();
        let theirs = theirs(&folder, part);
        compared += theirs.intersection(&ours).count();
        for (side, line) in theirs
            .difference(&ours)
            .map(|l| ("original", l))
            .chain(ours.difference(&theirs).map(|l| ("ours", l)))
        {
            let listed = LISTED.iter().position(|(of, pattern, _)| {
                *of == part && regex::Regex::new(pattern).unwrap().is_match(line)
            });
            match listed {
                Some(at) => {
                    used.insert(at);
                }
                None => unlisted.push(format!("{part}: {side} only: {line}")),
            }
        }
    }
    println!("{compared} lines of the catalogue are the same");
    assert!(
        unlisted.is_empty(),
        "{} differences that are not listed:\n{}",
        unlisted.len(),
        unlisted.iter().take(60).cloned().collect::<Vec<_>>().join("\n")
    );
    for (at, (part, pattern, words)) in LISTED.iter().enumerate() {
        assert!(
            used.contains(&at),
            "{part} {pattern}: there is no such difference any more"
        );
        assert!(design.contains(words), "DESIGN.md does not list: {words}");
    }
    assert!(compared > 40_000, "{compared}");
}
