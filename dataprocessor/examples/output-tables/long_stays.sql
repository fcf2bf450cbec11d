-- Cases that have lasted for more than two weeks.
--
-- A file like this holds one SELECT. It sees what the run has just written. `dataprocessor.now` is the moment the run
-- is for, wall time. A column from_<table> holds the id, or an array of ids, of the typed rows a row came from; it is
-- not stored in the table but beside it, for `cds-hub trace`.
SELECT c.record_id,
       c.fall_fhir_enc_id,
       c.fall_station AS ward_name,
       extract(day FROM current_setting('dataprocessor.now')::timestamp - c.fall_aufn_dat)::int AS days,
       ARRAY(SELECT e.encounter_id
             FROM db2dataprocessor_out.v_encounter_last_version e
             WHERE e.enc_id = c.fall_fhir_enc_id) AS from_encounter
FROM db2dataprocessor_out.v_fall_fe_last_import c
WHERE c.fall_aufn_dat < current_setting('dataprocessor.now')::timestamp - interval '14 days'
