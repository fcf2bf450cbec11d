GRANT USAGE ON SCHEMA cds2db_in, cds2db_out, db_log, core TO cds2db_user;
GRANT USAGE ON SCHEMA db2dataprocessor_in, db2dataprocessor_out, db_log, core TO db2dataprocessor_user;
GRANT USAGE ON SCHEMA db2frontend_in, db2frontend_out, db_log, core TO db2frontend_user;
GRANT USAGE ON SCHEMA db_log TO db_log_user;
GRANT USAGE ON SCHEMA db, db_config TO cds2db_user, db2dataprocessor_user, db2frontend_user, db_user;
GRANT USAGE ON SEQUENCE db.db_seq TO cds2db_user, db2dataprocessor_user, db2frontend_user, db_log_user;

GRANT SELECT ON db_config.db_process_control, db_config.db_parameter TO cds2db_user, db2dataprocessor_user, db2frontend_user;
GRANT SELECT ON ALL TABLES IN SCHEMA db_config TO db_user;
GRANT INSERT, UPDATE ON db_config.db_parameter, db_config.db_process_control, db_config.db_error_log TO db_user;
GRANT SELECT, INSERT ON db.data_import_hist TO cds2db_user, db2dataprocessor_user, db2frontend_user;
GRANT USAGE ON SEQUENCE db.data_import_hist_id_seq TO cds2db_user, db2dataprocessor_user, db2frontend_user;

-- The generated hash of an inbox row is computed with the rights of who inserts it.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA db, core FROM PUBLIC;
GRANT EXECUTE ON FUNCTION db.to_char_immutable(timestamp), db.to_char_immutable(date), db.to_char_immutable(time),
  db.content_hash(text[], text[])
  TO cds2db_user, db2dataprocessor_user, db2frontend_user;
-- A view calls functions with the rights of who reads it.
GRANT EXECUTE ON FUNCTION core.raw_moment(text) TO cds2db_user, db2dataprocessor_user, db2frontend_user;

-- What the Rust programs read of imports; they write by functions.
GRANT SELECT ON core.import, core.import_rows, core.lease, core.overwritten, core.lineage, core.quarantine, core.recipe,
  core.installation, core.described, core.described_part, core.loading TO cds2db_user, db2dataprocessor_user;
GRANT SELECT ON core.watermark, core.unanswered, core.census, core.raw_value, core.deleted, core.defect, core.precision
  TO cds2db_user;
GRANT SELECT ON core.recipe, core.installation, core.described, core.described_part TO db2frontend_user
