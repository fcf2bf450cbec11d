-- Roles belong to the whole server: another hub may have made them already, perhaps at this very moment. They have no
-- password, and so cannot log in, until one is set.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['cds2db_user', 'db2dataprocessor_user', 'db2frontend_user', 'db_log_user', 'db_user'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I LOGIN CONNECTION LIMIT 20', name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
      END;
    END IF;
  END LOOP;
END
$$;

CREATE SCHEMA cds2db_in;
CREATE SCHEMA cds2db_out;
CREATE SCHEMA db2dataprocessor_in;
CREATE SCHEMA db2dataprocessor_out;
CREATE SCHEMA db2frontend_in;
CREATE SCHEMA db2frontend_out;
CREATE SCHEMA db_log;
CREATE SCHEMA IF NOT EXISTS db;
CREATE SCHEMA db_config;
CREATE SCHEMA core;
COMMENT ON SCHEMA core IS 'What the hub keeps; readers use the views of the other schemas';

-- Ids of all rows and numbers of all imports.
CREATE SEQUENCE IF NOT EXISTS db.db_seq;
