-- What hubs made before this release get when they are migrated. Every statement may run again.

-- Imports follow one another: each locks this row, which nobody but the hub's own functions can.
CREATE TABLE IF NOT EXISTS core.turn ("only" boolean PRIMARY KEY DEFAULT true CHECK ("only"));
INSERT INTO core.turn DEFAULT VALUES ON CONFLICT DO NOTHING;

-- Resources that are gone from the server, and when they came back where they did; their rows stay as they are.
CREATE TABLE IF NOT EXISTS core.deleted (
  resource text NOT NULL,
  fhir_id text NOT NULL,
  noticed timestamp NOT NULL DEFAULT localtimestamp,
  found_by text NOT NULL,
  returned timestamp,
  PRIMARY KEY (resource, fhir_id)
);

-- Until when the resources of a patient were asked for in vain or in part, by the watermark it is about.
CREATE TABLE IF NOT EXISTS core.unanswered (
  watermark text NOT NULL,
  id text NOT NULL,
  tried_until timestamptz NOT NULL,
  PRIMARY KEY (watermark, id)
);

-- Until when resources that are gone were looked for, by patient or history.
CREATE TABLE IF NOT EXISTS core.census (
  name text NOT NULL,
  patient_id text NOT NULL,
  counted_until timestamptz NOT NULL,
  PRIMARY KEY (name, patient_id)
);

-- What the hub was made for: which parts are the project's own, and the tables that are not.
CREATE TABLE IF NOT EXISTS core.described_part (part text PRIMARY KEY, standard boolean NOT NULL);
CREATE TABLE IF NOT EXISTS core.described (
  part text NOT NULL,
  table_position integer NOT NULL,
  table_name text NOT NULL,
  resource text,
  prefix text NOT NULL,
  melt text NOT NULL,
  position integer NOT NULL,
  column_name text NOT NULL,
  path text NOT NULL,
  calculated boolean NOT NULL,
  fhir_type text NOT NULL,
  reference_targets text[] NOT NULL,
  joined boolean NOT NULL,
  description text NOT NULL,
  PRIMARY KEY (part, table_name, position)
);

-- Functions, views and triggers as they were installed.
CREATE TABLE IF NOT EXISTS core.definition (
  kind text NOT NULL,
  identity text NOT NULL,
  digest text NOT NULL,
  server integer NOT NULL,
  PRIMARY KEY (kind, identity)
);

-- What there is of tables, views and functions, and was: db.log_table_view_structure() fills it.
CREATE TABLE IF NOT EXISTS db_config.log_table_structure (
  id serial PRIMARY KEY,
  object_type varchar,
  schema_name varchar,
  table_name varchar,
  column_name varchar,
  data_type varchar,
  is_nullable varchar,
  column_default varchar,
  definition varchar,
  status varchar,
  version_info varchar,
  input_datetime timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_change_timestamp timestamp
);

-- Rows that were deleted through db_log, as they were.
CREATE TABLE IF NOT EXISTS core.removed (
  table_name text NOT NULL,
  id integer NOT NULL,
  import_no integer NOT NULL,
  "row" jsonb NOT NULL,
  PRIMARY KEY (table_name, id)
);

-- Both were kept among the watermarks, and the numbers of refused runs, which nobody asks for any more.
WITH moved AS (DELETE FROM core.watermark WHERE resource = 'unanswered' RETURNING *)
INSERT INTO core.unanswered (watermark, id, tried_until)
SELECT regexp_replace(patient_id, '/[^/]*$', ''), regexp_replace(patient_id, '^.*/', ''), loaded_until FROM moved
ON CONFLICT DO NOTHING;
DELETE FROM core.watermark WHERE resource = 'refused';
WITH moved AS (
  DELETE FROM core.watermark WHERE resource IN ('deletions', '$export') OR resource LIKE '%/\_history' RETURNING *)
INSERT INTO core.census (name, patient_id, counted_until) SELECT resource, patient_id, loaded_until FROM moved
ON CONFLICT DO NOTHING;

-- Imports that several connections load: their rows are there before the import is, and nobody sees them until then. What one
-- that ended early leaves has higher keys than this one.
CREATE TABLE IF NOT EXISTS core.loading (
  import_no integer PRIMARY KEY,
  first_key integer NOT NULL
);

-- Indexes that a table goes without while its first rows are loaded.
CREATE TABLE IF NOT EXISTS core.set_aside (
  index_name text PRIMARY KEY,
  table_name text NOT NULL,
  import_no integer NOT NULL,
  definition text NOT NULL
)
