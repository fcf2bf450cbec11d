//! Facts: what a signal has of a patient, in memory.

use std::collections::BTreeMap;
use std::fmt;

/// One thing measured or recorded.
#[derive(Clone, PartialEq)]
pub struct Fact {
    /// Id of the patient.
    pub patient: String,
    /// Id of the resource it was drawn from.
    pub id: String,
    /// Begin, in microseconds since 1970-01-01 on the wall clock of the rows.
    pub begin: Option<i64>,
    /// End, the same way.
    pub end: Option<i64>,
    /// The value.
    pub value: Value,
    /// The unit of a number.
    pub unit: Option<String>,
}

impl Fact {
    /// The number, where it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }
}

/// A value.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// A number in the unit of the fact.
    Number(f64),
    /// A code.
    Code(String),
    /// A day, in days since 1970-01-01.
    Day(i32),
    /// None: of a period that has nothing but its times.
    None,
}

/// All facts of some rows, by signal, and how many cells became none.
#[derive(Clone, Default, PartialEq)]
pub struct Facts {
    /// By signal.
    pub signals: BTreeMap<String, Vec<Fact>>,
    /// Rows that a signal names and that gave no fact: by signal and reason. No value.
    pub left_out: BTreeMap<(String, &'static str), u64>,
}

impl Facts {
    pub(crate) fn add(&mut self, signal: &str, fact: Fact) {
        match self.signals.get_mut(signal) {
            Some(facts) => facts.push(fact),
            None => drop(self.signals.insert(signal.to_owned(), vec![fact])),
        }
    }

    pub(crate) fn leave_out(&mut self, signal: &str, why: &'static str) {
        *self.left_out.entry((signal.to_owned(), why)).or_default() += 1;
    }

    /// Adds the facts of other rows.
    pub fn extend(&mut self, other: Self) {
        for (signal, facts) in other.signals {
            self.signals.entry(signal).or_default().extend(facts);
        }
        for (place, rows) in other.left_out {
            *self.left_out.entry(place).or_default() += rows;
        }
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: BTreeMap<&str, usize> = self
            .signals
            .iter()
            .map(|(name, facts)| (name.as_str(), facts.len()))
            .collect();
        f.debug_struct("Facts")
            .field("signals", &counts)
            .field("left_out", &self.left_out)
            .finish()
    }
}
