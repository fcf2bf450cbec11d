use super::source::Source;
use crate::schema::{Kind, Script};

/// Makes the imports that brought and confirmed the original's rows.
///
/// The original keeps numbers, time and status in each row. Rows that came with the same number came with one import;
/// rows that agree in last number, time and status were confirmed by one. An import is numbered after those before it.
pub(super) fn imports(script: &mut Script, sources: &[Source<'_>]) {
    script.heading("Imports of the original");
    script.push("CREATE TEMPORARY TABLE adopted_note (note text, count bigint) ON COMMIT DROP");
    script.push(
        "CREATE TEMPORARY TABLE adopted_state (\n  part text, arrival integer, last integer, checked timestamp, \
         status text, rows bigint) ON COMMIT DROP",
    );
    for source in sources {
        script.push(format!(
            "INSERT INTO adopted_state\nSELECT '{}', {}, {}, {}, {}, count(*)\nFROM {} o\nGROUP BY 2, 3, 4, 5",
            part(source.table.kind),
            source.arrival(),
            source.last(),
            source.checked(),
            source.status(),
            source.original()
        ));
    }
    script.push(ARRIVALS);
    script.push(CONFIRMATIONS);
    script.push(NUMBERED);
}

fn part(kind: Kind) -> &'static str {
    match kind {
        Kind::Raw => "raw",
        Kind::Typed => "typed",
        Kind::Form => "form",
        Kind::Core => "core",
        Kind::Submodule => "submodule",
    }
}

/// What most rows say that were never confirmed; where all were, the earliest that is known.
const ARRIVALS: &str = "CREATE TEMPORARY TABLE adopted_arrival ON COMMIT DROP AS
SELECT DISTINCT ON (arrival) NULL::integer AS no, part, arrival,
  CASE WHEN status = 'input' THEN last ELSE arrival END AS last, checked
FROM (SELECT part, arrival, last, checked, status, sum(rows) AS rows FROM adopted_state GROUP BY 1, 2, 3, 4, 5) s
ORDER BY arrival, (status = 'input') DESC, rows DESC, checked";

const CONFIRMATIONS: &str = "CREATE TEMPORARY TABLE adopted_confirmation ON COMMIT DROP AS
SELECT NULL::integer AS no, min(s.part) AS part, s.last, s.checked, s.status
FROM adopted_state s
JOIN adopted_arrival a ON a.arrival = s.arrival
WHERE (s.last, s.checked, s.status) IS DISTINCT FROM (a.last, a.checked, 'input')
GROUP BY s.last, s.checked, s.status";

/// One import each, in the order of their numbers and times; each is a run of its own, since the original's are over.
const NUMBERED: &str = "WITH numbered AS (
  SELECT nextval('core.import_no_seq')::integer AS no, n.*
  FROM (SELECT true AS brought, part, arrival AS nr, last, checked, 'input' AS status FROM adopted_arrival
        UNION ALL
        SELECT false, part, last, last, checked, status FROM adopted_confirmation
        ORDER BY nr, checked, brought DESC, status) n),
made AS (
  INSERT INTO core.import (no, run, input_nr, last_nr, checked, seen_status, module, part, started, finished, aligned)
  SELECT no, no, nr, last, checked,
    CASE WHEN status = 'input' THEN 'Last Time the same Dataset : ' || checked::timestamptz ELSE status END,
    'original', part, checked::timestamptz, checked::timestamptz, true
  FROM numbered),
arrivals AS (
  UPDATE adopted_arrival a SET no = n.no FROM numbered n WHERE n.brought AND n.nr = a.arrival)
UPDATE adopted_confirmation c SET no = n.no
FROM numbered n
WHERE NOT n.brought AND (n.last, n.checked, n.status) = (c.last, c.checked, c.status)";
