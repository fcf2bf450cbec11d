-- Functions that stay through a migration, since the hashes of inboxes and kept objects need them.

-- The text of a point in time in a hash. The parts of a timestamp depend on no setting, unlike to_char in general.
CREATE OR REPLACE FUNCTION db.to_char_immutable(input_data timestamp) RETURNS text
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog
  AS $$ BEGIN RETURN to_char(input_data, 'YYYY-MM-DD HH24:MI:SS.US'); END $$;
CREATE OR REPLACE FUNCTION db.to_char_immutable(input_data date) RETURNS text
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog
  AS $$ BEGIN RETURN to_char(input_data::timestamp, 'YYYY-MM-DD HH24:MI:SS.US'); END $$;
CREATE OR REPLACE FUNCTION db.to_char_immutable(input_data time) RETURNS text
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog
  AS $$ BEGIN RETURN to_char(input_data::interval, 'HH24:MI:SS.US'); END $$;

-- The original's other types: their own text.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['bigint', 'boolean', 'bytea', 'double precision', 'numeric', 'text', 'uuid'] LOOP
    EXECUTE format('CREATE OR REPLACE FUNCTION db.to_char_immutable(input_data %s) RETURNS text LANGUAGE sql IMMUTABLE STRICT '
      'PARALLEL SAFE SET search_path = pg_catalog AS %L', name, 'SELECT input_data::text');
  END LOOP;
END
$$;

-- The hash of a row's content: texts that always count, and texts that count where they are not NULL.
CREATE OR REPLACE FUNCTION db.content_hash(always text[], added text[] DEFAULT '{}') RETURNS text
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog
  AS $$
  BEGIN
    RETURN md5(array_to_string(always, '|||', '#NULL#') || '|||'
      || coalesce(nullif(array_to_string(added, '|||'), '') || '|||', '') || '#');
  END $$;

-- The moment a raw row's meta/lastUpdated names, without its index; NULL where it is no such moment. Looked at before it
-- is read, since catching an error would forbid parallel queries.
CREATE OR REPLACE FUNCTION core.raw_moment(value text) RETURNS timestamptz
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog
  AS $$
  DECLARE
    moment text := substr(value, CASE WHEN left(value, 1) = '[' THEN strpos(value, ']') + 1 ELSE 1 END);
  BEGIN
    IF moment !~ ('^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'
        || '(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?)?$')
      OR moment < '0001'
      OR substr(moment, 9, 2)::integer
        > extract(day FROM make_date(left(moment, 4)::integer, substr(moment, 6, 2)::integer, 1) + interval '1 month - 1 day')
    THEN
      RETURN NULL;
    END IF;
    RETURN moment::timestamptz;
  END $$
