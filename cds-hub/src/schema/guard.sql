-- Refuses to replace or drop a function, view or trigger that the hub installed, as the original system's start.sql would: the
-- hub would stand still without a word. cds-hub itself says that it is the one who changes them.
CREATE OR REPLACE FUNCTION core.guard_definitions() RETURNS event_trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  touched text;
BEGIN
  IF current_setting('cds_hub.changing', true) = 'on' THEN
    RETURN;
  END IF;
  IF TG_EVENT = 'sql_drop' THEN
    SELECT min(o.object_identity) INTO touched FROM pg_event_trigger_dropped_objects() o
    JOIN core.definition d ON d.identity = o.object_identity;
  ELSE
    SELECT min(c.object_identity) INTO touched FROM pg_event_trigger_ddl_commands() c
    JOIN core.definition d ON d.identity = c.object_identity;
  END IF;
  IF touched IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'CDH07',
      MESSAGE = format('%s belongs to the hub and is not replaced', touched),
      HINT = 'cds-hub migrate brings a hub up to date; SET cds_hub.changing = on lets a change pass, and cds-hub check names it.';
  END IF;
END
$body$
