//! Who may do what, and what is never shown.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::server::hub;

const ROLES: [&str; 5] = [
    "cds2db_user",
    "db2dataprocessor_user",
    "db2frontend_user",
    "db_log_user",
    "db_user",
];

#[tokio::test]
async fn every_function_has_a_fixed_search_path_and_is_closed_to_the_public() {
    let hub = hub().await;
    let open: Vec<(String, bool, bool)> = sqlx::query_as(
        "SELECT p.oid::regprocedure::text, \
           EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%'), \
           coalesce(p.proacl, acldefault('f', p.proowner))::text ~ '[{,]=X' \
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
         WHERE n.nspname ~ '^(cds2db|db2|db_|db$|core$)'",
    )
    .fetch_all(hub.pool())
    .await
    .unwrap();
    assert!(open.len() > 20, "functions are there");
    for (function, fixed, public) in open {
        assert!(fixed, "{function} has no fixed search_path");
        assert!(!public, "{function} may be executed by everybody");
    }
}

#[tokio::test]
async fn nothing_is_granted_to_the_public_and_no_role_has_a_password() {
    let hub = hub().await;
    let (granted,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname ~ '^(cds2db|db2|db_|db$|core$)' AND c.relacl::text ~ '[{,]='",
    )
    .fetch_one(hub.pool())
    .await
    .unwrap();
    assert_eq!(granted, 0);
    let (logins,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM pg_authid WHERE rolname = ANY($1) AND (rolsuper OR rolcreaterole OR rolcreatedb)",
    )
    .bind(ROLES.map(str::to_owned).to_vec())
    .fetch_one(hub.pool())
    .await
    .unwrap();
    assert_eq!(logins, 0);
}

#[tokio::test]
async fn roles_reach_their_part_and_no_other() {
    let hub = hub().await;
    // Role, statement, whether it is allowed.
    let cases = [
        (
            "cds2db_user",
            "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p')",
            true,
        ),
        (
            "cds2db_user",
            "INSERT INTO cds2db_in.patient (patient_raw_id, pat_birthdate) VALUES (1, '1950-05-05')",
            true,
        ),
        ("cds2db_user", "SELECT * FROM cds2db_out.v_patient_raw_diff", true),
        (
            "cds2db_user",
            "SELECT * FROM cds2db_out.v_patient_raw_last_version",
            true,
        ),
        ("cds2db_user", "SELECT * FROM db_log.patient", true),
        ("cds2db_user", "SELECT * FROM db_log.patient_raw", false),
        ("cds2db_user", "SELECT * FROM db_log.patient_fe", false),
        ("cds2db_user", "DELETE FROM core.patient", false),
        ("cds2db_user", "UPDATE core.patient SET pat_gender = 'x'", false),
        ("cds2db_user", "TRUNCATE cds2db_in.patient_raw", false),
        (
            "cds2db_user",
            "SELECT * FROM db2dataprocessor_out.v_patient",
            false,
        ),
        (
            "cds2db_user",
            "UPDATE db_config.db_parameter SET parameter_value = 'x'",
            false,
        ),
        (
            "cds2db_user",
            "UPDATE db_config.db_process_control SET pc_value = 'x'",
            false,
        ),
        ("cds2db_user", "SELECT nextval('db.db_seq')", true),
        (
            "db2dataprocessor_user",
            "INSERT INTO db2dataprocessor_in.fall_fe (fall_gewicht_aktuell) VALUES (1.5)",
            true,
        ),
        (
            "db2dataprocessor_user",
            "SELECT * FROM db2dataprocessor_out.v_patient_last_version",
            true,
        ),
        (
            "db2dataprocessor_user",
            "SELECT * FROM db2dataprocessor_out.v_db_parameter",
            true,
        ),
        (
            "db2dataprocessor_user",
            "INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p')",
            false,
        ),
        ("db2dataprocessor_user", "SELECT * FROM core.patient", false),
        (
            "db2frontend_user",
            "INSERT INTO db2frontend_in.patient_fe (record_id, pat_gebdat) VALUES ('1', '1950-05-05')",
            true,
        ),
        (
            "db2frontend_user",
            "SELECT * FROM db2frontend_out.v_patient_fe_last_version",
            true,
        ),
        (
            "db2frontend_user",
            "SELECT * FROM db2frontend_out.v_patient",
            true,
        ),
        ("db2frontend_user", "SELECT * FROM core.patient_fe", false),
        ("db_log_user", "SELECT * FROM db_log.patient_raw", true),
        (
            "db_log_user",
            "INSERT INTO db_log.patient_raw (pat_id) VALUES ('[1]p')",
            true,
        ),
        ("db_user", "SELECT * FROM db_config.v_db_error_log", true),
        ("db_user", "SELECT * FROM cds2db_in.patient_raw", false),
    ];
    for (role, statement, allowed) in cases {
        let mut transaction = hub.pool().begin().await.unwrap();
        transaction
            .execute(AssertSqlSafe(format!("SET LOCAL ROLE {role}")))
            .await
            .unwrap();
        let done = transaction.execute(statement).await;
        match done {
            Ok(_) => assert!(allowed, "{role} must not: {statement}"),
            Err(error) => {
                let code = error
                    .as_database_error()
                    .and_then(|e| e.code().map(|c| c.into_owned()));
                assert!(!allowed, "{role} has to: {statement}: {error}");
                assert!(
                    matches!(code.as_deref(), Some("42501" | "55000")),
                    "{role}: {statement}: {error}"
                );
            }
        }
    }
}

#[tokio::test]
async fn errors_do_not_show_what_was_in_the_row() {
    let hub = hub().await;
    let marker = "Marker4711";
    for statement in [
        format!("SELECT '{marker}'::integer"),
        format!("INSERT INTO cds2db_in.patient (patient_raw_id, pat_birthdate) VALUES (1, '{marker}')"),
        format!("INSERT INTO cds2db_in.patient (pat_id) VALUES ('{marker}')"),
    ] {
        let error = hub
            .pool()
            .execute(AssertSqlSafe(statement.clone()))
            .await
            .unwrap_err();
        let error = cds_hub::Error::sql("a test", &error);
        let mut shown = format!("{error} {error:?}");
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            shown.push_str(&format!("{inner} {inner:?}"));
            cause = inner.source();
        }
        assert!(!shown.contains(marker), "{shown}");
        assert!(error.sqlstate().is_some());
    }
}

#[tokio::test]
async fn role_logs_in_with_the_password_it_was_given_and_with_no_other() {
    let hub = hub().await;
    let password = format!("it's {} %@/", std::process::id());
    hub.set_password("db_log_user", &password).await.unwrap();
    let (stored,): (String,) =
        sqlx::query_as("SELECT rolpassword FROM pg_authid WHERE rolname = 'db_log_user'")
            .fetch_one(hub.pool())
            .await
            .unwrap();
    assert!(stored.starts_with("SCRAM-SHA-256$4096:"));
    let options = hub
        .pool()
        .connect_options()
        .as_ref()
        .clone()
        .username("db_log_user");
    sqlx::PgConnection::connect_with(&options.clone().password(&password))
        .await
        .unwrap();
    assert!(
        sqlx::PgConnection::connect_with(&options.password("wrong"))
            .await
            .is_err()
    );
    for (role, password) in [
        ("postgres", "x"),
        ("db_log_user", ""),
        ("db_log_user", "Umlaut ä"),
    ] {
        let error = hub.set_password(role, password).await.unwrap_err();
        assert_eq!(error.kind(), cds_hub::ErrorKind::Options);
    }
}

/// What a site's trigger, function or constraint says may hold anything, under any code: none of it is repeated.
#[tokio::test]
async fn messages_of_a_sites_triggers_and_constraints_are_not_repeated() {
    let hub = hub().await;
    let marker = "Marker4711";
    for code in ["P0001", "23514", "42501", "55000", "22000"] {
        let raise = format!(
            "CREATE OR REPLACE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = 'no {marker}', TABLE = '{marker}', CONSTRAINT = '{marker}'; END $$;
             CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON core.patient_raw FOR EACH ROW EXECUTE FUNCTION public.refuse();"
        );
        sqlx::raw_sql(AssertSqlSafe(raise))
            .execute(hub.pool())
            .await
            .unwrap();
        // The program's own error.
        let insert = "INSERT INTO core.patient_raw (patient_raw_id, import_no, input_datetime, meta_digest, hash) VALUES (1, 1, now(), 0, gen_random_uuid())";
        let error = hub.pool().execute(insert).await.unwrap_err();
        let error = cds_hub::Error::sql("a test", &error);
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(code) && !cause.contains(marker), "{cause}");
        // What a transfer notes.
        hub.pool()
            .execute("INSERT INTO cds2db_in.patient_raw (pat_id) VALUES ('[1]p1')")
            .await
            .unwrap();
        hub.transfer(std::time::Duration::ZERO).await.unwrap();
        hub.pool()
            .execute("DELETE FROM cds2db_in.patient_raw")
            .await
            .unwrap();
        let noted: Vec<(String,)> = sqlx::query_as(
            "SELECT concat_ws(' ', err_objekt, err_msg, err_line, err_variables) FROM db_config.db_error_log
             UNION ALL SELECT reason FROM core.quarantine",
        )
        .fetch_all(hub.pool())
        .await
        .unwrap();
        assert!(!noted.is_empty());
        for (text,) in noted {
            assert!(!text.contains(marker), "{code}: {text}");
        }
    }
}
