use polars::prelude::Series;

use super::dictionary::Dictionary;
use super::hash;
use super::measure::texts;
use super::shape::Code;

/// System of the Unified Code for Units of Measure.
const UCUM: &str = "http://unitsofmeasure.org";

/// Units whose system is UCUM or not said.
#[derive(Debug, Default)]
pub(crate) struct Units(Dictionary);

impl Units {
    /// Counts the units of a piece.
    pub(crate) fn piece(&mut self, units: &Series, system: Option<&Series>, patients: &[u32]) {
        let system = system.map(texts);
        let mut systems = system.iter().flat_map(|s| s.str()).flat_map(|c| c.iter());
        for (row, unit) in units.str().into_iter().flat_map(|c| c.iter()).enumerate() {
            let system = systems.next().flatten();
            if let Some(unit) = unit
                && system.is_none_or(|system| system == UCUM)
            {
                self.0.add(hash::text(unit.as_bytes()), unit, patients[row]);
            }
        }
    }

    pub(crate) fn finish(self) -> Vec<Code> {
        let code = |(value, count, people): (Box<str>, _, _)| Code {
            value: value.into_string(),
            count,
            people,
        };
        self.0.into_counts().into_iter().map(code).collect()
    }
}
