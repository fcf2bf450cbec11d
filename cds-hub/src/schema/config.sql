CREATE TABLE db_config.db_parameter (
  id serial PRIMARY KEY,
  parameter_name varchar UNIQUE NOT NULL,
  parameter_value varchar,
  parameter_description varchar,
  input_datetime timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_change_timestamp timestamp DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE db_config.db_process_control (
  id serial PRIMARY KEY,
  pc_name varchar UNIQUE NOT NULL,
  pc_value varchar,
  pc_description varchar,
  input_datetime timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_change_timestamp timestamp DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE db_config.db_error_log (
  id serial PRIMARY KEY,
  err_schema varchar,
  err_objekt varchar,
  err_user varchar,
  err_msg varchar,
  err_line varchar,
  err_variables varchar,
  last_processing_nr integer,
  input_datetime timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE db.data_import_hist (
  id serial PRIMARY KEY,
  table_primary_key integer,
  last_processing_nr integer,
  schema_name varchar,
  table_name varchar,
  function_name varchar,
  variable_name varchar,
  dataset_count integer,
  copy_time_in_sec double precision,
  last_check_datetime timestamp,
  current_dataset_status varchar,
  import_hist_cre_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE cds2db_in.temp_calculated_items (
  cal_schema varchar,
  cal_resource varchar,
  cal_fhir_column varchar,
  cal_fhir_id varchar,
  cal_calculated_column_name varchar,
  cal_calculated_value varchar,
  cal_theme varchar,
  input_datetime timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);

INSERT INTO db_config.db_process_control (pc_name, pc_value, pc_description) VALUES
  ('semaphor_cron_job_data_transfer', 'ReadyToConnect', 'State of the lock between modules and transfers'),
  ('timepoint_1_cron_job_data_transfer', NULL, 'Start and name of the last transfer function'),
  ('timepoint_2_cron_job_data_transfer', NULL, 'Start of the last table'),
  ('timepoint_3_cron_job_data_transfer', NULL, 'Age of a long lock'),
  ('waitpoint_cron_job_data_transfer', NULL, 'Unused'),
  ('current_executed_function', '', 'Transfer function that runs'),
  ('current_total_number_of_records_in_the_function', '', 'Rows it has to transfer'),
  ('currently_processed_number_of_data_records_in_the_function', '', 'Rows it has transferred'),
  ('semaphor_last_block_modul', '', 'Last holder of the lock and its message')
ON CONFLICT (pc_name) DO NOTHING;

INSERT INTO db_config.db_parameter (parameter_name, parameter_value, parameter_description) VALUES
  ('database_initialization_time', to_char(CURRENT_TIMESTAMP, 'YYYY-MM-DD HH24:MI:SS'), 'When this database was created'),
  ('last_valid_release_version', '', 'Release before the last migration'),
  ('last_valid_release_version_date', '', 'Date of that release'),
  ('last_valid_release_version_log', '', 'Releases this database has had'),
  ('release_version', '1.7.1', 'Release of the contract; clients compare it with their own'),
  ('release_version_last_migration_start', '1.7.1', 'Release at the start of the last migration'),
  ('release_version_nr', '171', 'Release as a number'),
  ('release_version_nr_last_migration_start', '171', 'Release as a number at the start of the last migration'),
  ('release_version_date', '2026-04-27', 'Date of the release'),
  ('release_version_date_last_migration_start', '2026-04-27', 'Date of the release at the start of the last migration'),
  ('current_migration_flag', '1', '1 after an installation, 0 after its repetition, -1 after a migration'),
  ('last_migration_date', to_char(CURRENT_TIMESTAMP, 'YYYY-MM-DD HH24:MI:SS'), 'When the last migration ran'),
  ('pause_after_process_execution', '10', 'Seconds after ReadyToConnect in which no scheduler transfers, between 5 and 45'),
  ('data_import_hist_every_dataset', 'no', 'Without effect: core.import_rows has it for every import'),
  ('max_process_time_set_ready', '120', 'Minutes after which a lock without lease is broken'),
  ('copy_fhir_metadata_from_raw_to_typed', 'N', 'Without effect: meta always goes along'),
  ('number_of_data_records_after_which_the_status_is_updated', '10000', 'Without effect: a transfer is one statement a table'),
  ('transfer_interval_seconds', '60', 'Seconds between two looks of the scheduler into the inboxes')
ON CONFLICT (parameter_name) DO NOTHING
