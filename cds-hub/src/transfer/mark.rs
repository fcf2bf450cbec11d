//! Noting in the companion by which import rows were confirmed. Only under the lock of imports.

use super::header;
use super::names::Names;
use crate::schema::{Function, StoredTable, seen};

/// `core.mark_T(import, keys, again)`: the rows with these keys were seen again by the import, or (`again` is false) only
/// take its number. Keys are ranges: of a delivery most are neighbours.
pub(super) fn mark(table: &StoredTable) -> Function {
    let names = Names::of(table);
    let companion = &names.seen;
    let (bits, mask) = (seen::BITS, seen::MASK);
    let body = format!(
        "BEGIN
  WITH piece AS (
      SELECT b.block, greatest(lower(r.keys), b.block << {bits}) & {mask} AS low,
             least(upper(r.keys) - 1, (b.block << {bits}) + {mask}) & {mask} AS high
      FROM unnest(p_keys) AS r(keys)
      CROSS JOIN LATERAL generate_series(lower(r.keys) >> {bits}, (upper(r.keys) - 1) >> {bits}) AS b(block)),
    given AS MATERIALIZED (
      SELECT p.block, array_agg(p.low) AS low, array_agg(p.high) AS high FROM piece p GROUP BY p.block),
    updated AS (
      UPDATE {companion} s SET imports = core.marked(s.imports, g.low, g.high, p_import, p_again)
      FROM given g WHERE s.block = g.block RETURNING s.block)
  INSERT INTO {companion} (block, imports)
  SELECT g.block, core.marked({nothing}, g.low, g.high, p_import, p_again)
  FROM given g WHERE g.block NOT IN (SELECT u.block FROM updated u) ORDER BY g.block;
END",
        nothing = seen::NOTHING,
    );
    let name = names.function("mark");
    Function {
        signature: format!("{name}(int, int4multirange, boolean)"),
        sql: format!(
            "CREATE OR REPLACE FUNCTION {name}(p_import int, p_keys int4multirange, p_again boolean) RETURNS \
             void\n{}\nAS $body$\n{body}\n$body$",
            header("plpgsql")
        ),
        roles: &[],
    }
}

/// What changes the numbers of one block; called once a block, so they set nothing but the search path.
pub(super) fn functions() -> Vec<Function> {
    [
        (
            "core.marked",
            "p_imports int[], p_low int[], p_high int[], p_import int, p_again boolean",
            MARKED,
        ),
        (
            "core.processed",
            "p_processed int[], p_places int[], p_values int[]",
            &processed(),
        ),
    ]
    .map(|(name, arguments, body)| Function {
        signature: format!("{name}({})", super::types(arguments)),
        sql: format!(
            "CREATE OR REPLACE FUNCTION {name}({arguments}) RETURNS int[]\nLANGUAGE plpgsql IMMUTABLE\nSET search_path = \
             pg_catalog, pg_temp\nAS $body$\n{body}\n$body$"
        ),
        roles: &[],
    })
    .into()
}

/// A row that was seen again once stays so, whatever number it takes.
const MARKED: &str = "BEGIN
  FOR n IN 1 .. cardinality(p_low) LOOP
    IF p_again THEN
      p_imports[p_low[n] + 1 : p_high[n] + 1] := array_fill(p_import, ARRAY[p_high[n] - p_low[n] + 1]);
    ELSE
      FOR k IN p_low[n] + 1 .. p_high[n] + 1 LOOP
        p_imports[k] := CASE WHEN p_imports[k] > 0 THEN p_import ELSE -p_import END;
      END LOOP;
    END IF;
  END LOOP;
  RETURN p_imports;
END";

/// Of two raw rows that one shares its typed rows with, the newer counts.
fn processed() -> String {
    format!(
        "DECLARE k int;
BEGIN
  p_processed := coalesce(p_processed, {});
  FOR n IN 1 .. cardinality(p_places) LOOP
    k := p_places[n] + 1;
    p_processed[k] := CASE p_processed[k] WHEN 0 THEN p_values[n] ELSE greatest(p_processed[k], p_values[n]) END;
  END LOOP;
  RETURN p_processed;
END",
        seen::NOTHING
    )
}
