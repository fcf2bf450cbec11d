-- Cells of raw tables whose text does not tell their values, value by value; whoever types the row reads them here.
CREATE TABLE core.raw_value (
  table_name text NOT NULL,
  raw_id integer NOT NULL,
  column_name text NOT NULL,
  place integer NOT NULL,
  index_path text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (table_name, raw_id, column_name, place)
)
