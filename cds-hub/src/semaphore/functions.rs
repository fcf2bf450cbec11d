//! The functions of the semaphore: the original's for foreign modules, and three with an owner token for ours.
//!
//! Every transition is one conditional statement that compares the whole state, so two callers can never both win and
//! no wildcard matches. Arguments are data everywhere; no SQL is made from them.

use crate::schema::Function;
use crate::transfer::{MODULES, header, steps};

/// Who may call the original's functions.
const ALL: &[&str] = &[
    "cds2db_user",
    "db2dataprocessor_user",
    "db2frontend_user",
    "db_user",
    "db_log_user",
];

/// All functions of the semaphore.
pub(super) fn functions() -> Vec<Function> {
    vec![
        function(
            "db.error_log",
            "err_schema varchar DEFAULT CURRENT_SCHEMA, err_objekt varchar DEFAULT NULL, err_user varchar DEFAULT \
             CURRENT_USER, err_msg varchar DEFAULT 'n.a.', err_line varchar DEFAULT '', err_variables varchar DEFAULT \
             '', last_processing_nr integer DEFAULT NULL",
            "void",
            ERROR_LOG,
        ),
        internal("core.claim_state", "", "text", CLAIM),
        internal("core.set_state", "p_to text", "void", SET_STATE),
        internal("core.open_lock", "p_to text", "void", OPEN),
        internal(
            "core.after_write",
            "",
            "text",
            &AFTER_WRITE.replace("{calls}", &calls()),
        ),
        function(
            "core.lock_holder",
            "",
            "TABLE (state text, module text, message text, since timestamptz, until timestamptz, session text)",
            HOLDER,
        ),
        internal("core.lock_expiry", "", "timestamptz", EXPIRY),
        internal("core.nobody_serves", "", "boolean", NOBODY_SERVES),
        internal("core.expire_lock", "", "void", EXPIRE),
        internal(
            "core.check_lease",
            "p_seconds double precision",
            "void",
            CHECK_LEASE,
        ),
        internal("core.minutes_to_break", "", "double precision", MINUTES),
        internal(
            "core.hold",
            "p_module text, p_message text, p_token uuid, p_seconds double precision",
            "text",
            HOLD,
        ),
        function(
            "db.data_transfer_stop",
            &format!("module varchar DEFAULT '{MODULE}', msg varchar DEFAULT '{MESSAGE}'"),
            "boolean",
            &STOP.replace("{module}", MODULE).replace("{msg}", MESSAGE),
        ),
        function(
            "db.data_transfer_start",
            &format!(
                "module varchar DEFAULT '{MODULE}', msg varchar DEFAULT '{MESSAGE}', read_only boolean DEFAULT false"
            ),
            "boolean",
            START,
        ),
        function(
            "db.data_transfer_reset_lock",
            &format!("module varchar DEFAULT '{MODULE}'"),
            "boolean",
            RESET,
        ),
        function("db.data_transfer_get_lock_module", "", "text", GET_MODULE),
        function("db.data_transfer_status", "", "text", STATUS),
        function(
            "core.acquire_lock",
            "p_module text, p_message text, p_token uuid, p_seconds double precision",
            "text",
            ACQUIRE,
        ),
        function(
            "core.renew_lock",
            "p_token uuid, p_seconds double precision",
            "boolean",
            RENEW,
        ),
        function("core.release_lock", "p_token uuid, p_to text", "boolean", RELEASE),
        function(
            "core.show_progress",
            "p_token uuid, p_message text",
            "boolean",
            PROGRESS,
        ),
        function("core.assert_lock", "p_token uuid", "boolean", ASSERT),
        internal("core.interrupt", "p_reason text", "boolean", INTERRUPT),
        internal("core.resume", "", "text", RESUME),
        internal("core.break_lock", "", "boolean", BREAK),
        function("core.lock_waits", "", "double precision", WAITS),
    ]
}

/// Who calls the original's functions without saying who they are.
const MODULE: &str = "Interpolar_Module_bitte_angeben";
const MESSAGE: &str = "Interpolar_Aufrufposition_bitte_angeben";

/// The steps of a transfer, one after the other.
fn calls() -> String {
    steps()
        .iter()
        .map(|step| {
            format!(
                "    v_failed := v_failed OR coalesce({}() LIKE 'Fehler%', false);\n",
                step.function
            )
        })
        .collect()
}

fn function(name: &str, arguments: &str, returns: &str, body: &str) -> Function {
    let types: Vec<&str> = arguments
        .split(", ")
        .filter_map(|a| a.split_once(' '))
        .map(|(_, t)| t.split(" DEFAULT").next().unwrap_or(t))
        .collect();
    Function {
        signature: format!("{name}({})", types.join(", ")),
        sql: format!(
            "CREATE OR REPLACE FUNCTION {name}({arguments}) RETURNS {returns}\n{}\nSET lock_timeout = \
             '10s'\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        roles: if name.starts_with("db.") { ALL } else { MODULES },
    }
}

fn internal(name: &str, arguments: &str, returns: &str, body: &str) -> Function {
    Function {
        roles: &[],
        ..function(name, arguments, returns, body)
    }
}

const ERROR_LOG: &str = "BEGIN
  INSERT INTO db_config.db_error_log (err_schema, err_objekt, err_user, err_msg, err_line, err_variables,
                                      last_processing_nr)
  VALUES ($1, $2, $3, $4, $5, $6, $7);
END";

/// The state, with its row locked: whoever changes the lock does so first, so that its two rows (state and lease) are
/// always locked in the same order and read as they are after all earlier changes.
const CLAIM: &str = "DECLARE v_state text;
BEGIN
  SELECT c.pc_value INTO v_state FROM db_config.db_process_control c
  WHERE c.pc_name = 'semaphor_cron_job_data_transfer' FOR UPDATE;
  RETURN v_state;
END";

const SET_STATE: &str = "BEGIN
  UPDATE db_config.db_process_control c
  SET pc_value = p_to, last_change_timestamp = clock_timestamp()::timestamp
  WHERE c.pc_name = 'semaphor_cron_job_data_transfer';
  PERFORM pg_notify('cds_hub_semaphore', split_part(p_to, ' ', 1));
END";

/// Opens the lock: nobody leases it any more.
/// A write ends with what it wrote in the core, so that whoever waits for `ReadyToConnect` need not wait for a scheduler.
/// The state to leave: after a failure, one that asks for another transfer.
const AFTER_WRITE: &str = "DECLARE v_failed boolean := false; v_state text;
BEGIN
  IF core.rows_wait() THEN
{calls}  END IF;
  RETURN CASE WHEN v_failed THEN 'WaitForCronJob' ELSE 'ReadyToConnect' END;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE;
  PERFORM db.error_log('db', 'core.after_write()', session_user::varchar, (v_state || ' - transfer failed')::varchar);
  RETURN 'WaitForCronJob';
END";

const OPEN: &str = "BEGIN
  PERFORM core.set_state(p_to);
  UPDATE core.lease SET token = NULL, module = NULL, message = NULL, taken = NULL, expires = NULL;
END";

/// When the lock ends by itself: with its lease, or, if it was set by hand, after the parameter's minutes.
const EXPIRY: &str = "BEGIN
  RETURN (SELECT coalesce(CASE WHEN c.pc_value = 'Ongoing - ' || l.message || ' (#' || l.module || '#)' THEN l.expires END,
                          c.last_change_timestamp::timestamptz + core.minutes_to_break() * interval '1 minute')
          FROM db_config.db_process_control c CROSS JOIN core.lease l
          WHERE c.pc_name = 'semaphor_cron_job_data_transfer' AND c.pc_value LIKE 'Ongoing%');
END";

const NOBODY_SERVES: &str = "BEGIN
  RETURN EXISTS (SELECT FROM db_config.db_process_control c
                 WHERE c.pc_name = 'semaphor_cron_job_data_transfer' AND c.pc_value = 'WaitForCronJob'
                   AND c.last_change_timestamp < clock_timestamp()::timestamp - interval '10 seconds');
END";

const MINUTES: &str = "BEGIN
  RETURN coalesce((SELECT p.parameter_value FROM db_config.db_parameter p
                   WHERE p.parameter_name = 'max_process_time_set_ready'
                     AND p.parameter_value ~ '^[0-9]{1,6}$')::double precision, 5);
END";

/// A lock whose holder gave no sign of life within its lease is open again, with what it had written transferred. So is a
/// state that has asked for a transfer for a while and that nobody serves: whoever polls it would wait for ever.
const EXPIRE: &str = "DECLARE v_module text;
BEGIN
  IF core.nobody_serves() AND current_setting('transaction_read_only') = 'off' THEN
    PERFORM core.claim_state();
    IF core.nobody_serves() THEN
      PERFORM core.set_state(core.after_write());
    END IF;
  END IF;
  IF core.lock_expiry() < clock_timestamp() AND current_setting('transaction_read_only') = 'off' THEN
    PERFORM core.claim_state();
    IF core.lock_expiry() < clock_timestamp() THEN
      SELECT l.module INTO v_module FROM core.lease l;
      PERFORM core.open_lock(core.after_write());
      PERFORM db.error_log('db', 'core.expire_lock()', session_user::varchar, 'lock expired without release', NULL,
                           coalesce(v_module, '')::varchar);
    END IF;
  END IF;
END";

/// Takes the lock if it is free: the state before, or NULL.
const HOLD: &str = "DECLARE v_from text;
BEGIN
  -- Somebody's open transaction is about to change the state: as good as held.
  BEGIN
    PERFORM core.expire_lock();
    PERFORM core.claim_state();
  EXCEPTION WHEN lock_not_available THEN
    RETURN NULL;
  END;
  v_from := core.claim_state();
  IF v_from IS NULL OR v_from NOT IN ('ReadyToConnect', 'WaitForCronJob') THEN
    RETURN NULL;
  END IF;
  PERFORM core.set_state('Ongoing - ' || p_message || ' (#' || p_module || '#)');
  UPDATE core.lease SET token = p_token, module = p_module, message = p_message, taken = clock_timestamp(),
                        expires = clock_timestamp() + p_seconds * interval '1 second';
  UPDATE db_config.db_process_control c
  SET pc_value = p_module || '-' || p_message, last_change_timestamp = clock_timestamp()::timestamp
  WHERE c.pc_name = 'semaphor_last_block_modul';
  RETURN v_from;
END";

const STOP: &str = "BEGIN
  IF coalesce(module, '') IN ('', '{module}') OR coalesce(msg, '') IN ('', '{msg}') THEN
    RETURN false;
  END IF;
  RETURN core.hold(module, msg, NULL, core.minutes_to_break() * 60) IS NOT NULL;
END";

/// A lock taken with a token is released with it only.
const START: &str = "DECLARE v_state text := core.claim_state();
BEGIN
  IF v_state <> 'Ongoing - ' || msg || ' (#' || module || '#)' OR v_state IS NULL OR msg IS NULL OR module IS NULL
     OR EXISTS (SELECT FROM core.lease l WHERE l.token IS NOT NULL) THEN
    RETURN false;
  END IF;
  PERFORM core.open_lock(CASE WHEN read_only THEN 'ReadyToConnect' ELSE core.after_write() END);
  RETURN true;
END";

/// The call is always recorded, since it breaks a lock that somebody may still believe to hold.
const RESET: &str = "DECLARE v_state text := core.claim_state();
BEGIN
  PERFORM db.error_log('db', 'db.data_transfer_reset_lock()', session_user::varchar, 'lock reset', NULL, $1);
  IF coalesce($1, '') = '' OR v_state NOT LIKE 'Ongoing%' OR right(v_state, length($1) + 5) <> ' (#' || $1 || '#)' THEN
    RETURN false;
  END IF;
  PERFORM core.open_lock(core.after_write());
  RETURN true;
END";

const GET_MODULE: &str = "DECLARE v_state text; v_module text;
BEGIN
  PERFORM core.expire_lock();
  SELECT c.pc_value, l.module INTO v_state, v_module
  FROM db_config.db_process_control c CROSS JOIN core.lease l WHERE c.pc_name = 'semaphor_cron_job_data_transfer';
  IF right(v_state, length(v_module) + 5) = ' (#' || v_module || '#)' THEN
    RETURN v_module;
  END IF;
  RETURN split_part(v_state, '#', 2);
END";

const STATUS: &str = "DECLARE v_text text;
BEGIN
  PERFORM core.expire_lock();
  SELECT s.pc_value || ' since ' || to_char(s.last_change_timestamp, 'YYYY-MM-DD HH24:MI:SS')
         || ' ReportTime: ' || to_char(clock_timestamp(), 'HH24:MI:SS')
         || CASE WHEN s.pc_value LIKE 'Ongo%' AND t.pc_value <> ''
                 THEN ' ( ' || coalesce(p.pc_value, '') || ' / ' || t.pc_value || ' datasets )' ELSE '' END
         || ' | last_bl_modul:' || coalesce(l.pc_value, '')
         || ' (set on :' || to_char(l.last_change_timestamp, 'YYYY-MM-DD HH24:MI:SS') || ')'
  INTO v_text
  FROM db_config.db_process_control s
  LEFT JOIN db_config.db_process_control t
    ON t.pc_name = 'current_total_number_of_records_in_the_function'
  LEFT JOIN db_config.db_process_control p
    ON p.pc_name = 'currently_processed_number_of_data_records_in_the_function'
  LEFT JOIN db_config.db_process_control l ON l.pc_name = 'semaphor_last_block_modul'
  WHERE s.pc_name = 'semaphor_cron_job_data_transfer';
  RETURN v_text;
END";

const ACQUIRE: &str = "BEGIN
  IF coalesce(p_module, '') = '' OR coalesce(p_message, '') = '' OR p_token IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM core.check_lease(p_seconds);
  RETURN core.hold(p_module, p_message, p_token, p_seconds);
END";

/// A lease is short, so that a lock whose holder is gone is soon free.
const CHECK_LEASE: &str = "BEGIN
  IF p_seconds IS NULL OR NOT p_seconds BETWEEN 0.001 AND 3600 THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH05', MESSAGE = 'a lease is between a millisecond and an hour';
  END IF;
END";

const RENEW: &str = "BEGIN
  PERFORM core.check_lease(p_seconds);
  UPDATE core.lease SET expires = clock_timestamp() + p_seconds * interval '1 second' WHERE token = p_token;
  RETURN FOUND;
END";

const RELEASE: &str = "BEGIN
  PERFORM core.claim_state();
  IF p_to NOT IN ('ReadyToConnect', 'WaitForCronJob', 'written')
     OR NOT EXISTS (SELECT FROM core.lease l WHERE l.token = p_token) THEN
    RETURN false;
  END IF;
  PERFORM core.open_lock(CASE p_to WHEN 'written' THEN core.after_write() ELSE p_to END);
  RETURN true;
END";

/// Shows what the holder does; the lock stays its own.
const PROGRESS: &str = "BEGIN
  PERFORM core.claim_state();
  UPDATE core.lease SET message = p_message WHERE token = p_token;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM core.set_state((SELECT 'Ongoing - ' || l.message || ' (#' || l.module || '#)' FROM core.lease l));
  RETURN true;
END";

/// For the transaction that is about to commit: the lock cannot pass to somebody else before it has.
const ASSERT: &str = "BEGIN
  PERFORM FROM core.lease l WHERE l.token = p_token FOR SHARE;
  RETURN FOUND;
END";

/// Seconds until the lock ends by itself; NULL if nobody holds it.
const WAITS: &str = "BEGIN
  RETURN extract(epoch FROM core.lock_expiry() - clock_timestamp());
END";

/// For operators, who may: no role of a module has the right.
const INTERRUPT: &str = "DECLARE v_state text;
BEGIN
  PERFORM core.expire_lock();
  v_state := core.claim_state();
  IF v_state LIKE 'Ongoing%' THEN
    RETURN false;
  END IF;
  PERFORM core.set_state('Interrupted_' || p_reason);
  RETURN true;
END";

/// Ends an interruption; the state before.
const RESUME: &str = "DECLARE v_state text;
BEGIN
  PERFORM core.expire_lock();
  v_state := core.claim_state();
  IF v_state LIKE 'Interrupted%' THEN
    PERFORM core.set_state(core.after_write());
  END IF;
  RETURN v_state;
END";

/// Takes the lock from whoever holds it, which notices when it next renews it or wants to commit.
const BREAK: &str = "BEGIN
  IF core.claim_state() NOT LIKE 'Ongoing%' THEN
    RETURN false;
  END IF;
  PERFORM db.error_log('db', 'core.break_lock()', session_user::varchar, 'lock broken by an operator', NULL,
                       db.data_transfer_get_lock_module()::varchar);
  PERFORM core.open_lock(core.after_write());
  RETURN true;
END";

/// Whom others wait for: the state, who leases the lock since when and until when, and a session whose open transaction has
/// touched the state.
const HOLDER: &str = "BEGIN
  RETURN QUERY
  SELECT c.pc_value::text, l.module, l.message, coalesce(l.taken, c.last_change_timestamp::timestamptz), core.lock_expiry(),
         (SELECT concat_ws(' ', 'process', a.pid, 'of', a.usename, 'with', nullif(a.application_name, ''))
          FROM pg_locks k JOIN pg_stat_activity a ON a.pid = k.pid
          WHERE k.relation = 'db_config.db_process_control'::regclass AND k.mode = 'RowExclusiveLock'
            AND k.pid <> pg_backend_pid() ORDER BY a.xact_start LIMIT 1)
  FROM db_config.db_process_control c CROSS JOIN core.lease l
  WHERE c.pc_name = 'semaphor_cron_job_data_transfer';
END";
