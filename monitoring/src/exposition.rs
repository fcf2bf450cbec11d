//! Metrics with their values, written as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt;

use crate::Family;

/// Labels of a sample, in the order of their names.
pub(crate) type Labels = BTreeMap<String, String>;

/// Samples of one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Samples {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) values: BTreeMap<Labels, f64>,
}

/// A page of metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition {
    pub(crate) families: BTreeMap<String, Samples>,
}

impl Exposition {
    /// Gives a sample this value.
    pub fn set(&mut self, family: Family, labels: &[(&str, &str)], value: f64) {
        *self.sample(family, labels) = value;
    }

    /// Adds to a sample, which begins at 0.
    pub fn add(&mut self, family: Family, labels: &[(&str, &str)], more: f64) {
        *self.sample(family, labels) += more;
    }

    /// The value of a sample.
    #[must_use]
    pub fn get(&self, family: Family, labels: &[(&str, &str)]) -> Option<f64> {
        self.families
            .get(family.name)?
            .values
            .get(&labels_of(labels))
            .copied()
    }

    /// Removes the samples of a metric that have all these labels.
    pub fn remove(&mut self, family: Family, labels: &[(&str, &str)]) {
        if let Some(samples) = self.families.get_mut(family.name) {
            samples.values.retain(|own, _| {
                !labels
                    .iter()
                    .all(|(name, value)| own.get(*name).is_some_and(|v| v == value))
            });
            if samples.values.is_empty() {
                self.families.remove(family.name);
            }
        }
    }

    fn sample(&mut self, family: Family, labels: &[(&str, &str)]) -> &mut f64 {
        let samples = self.families.entry(family.name.to_owned()).or_default();
        // A page of an earlier release may say something else.
        family.kind.as_str().clone_into(&mut samples.kind);
        family.help.clone_into(&mut samples.help);
        samples.values.entry(labels_of(labels)).or_default()
    }
}

fn labels_of(labels: &[(&str, &str)]) -> Labels {
    let owned = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

impl fmt::Display for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, samples) in &self.families {
            writeln!(f, "# HELP {name} {}", escaped(&samples.help, false))?;
            writeln!(f, "# TYPE {name} {}", samples.kind)?;
            for (labels, value) in &samples.values {
                f.write_str(name)?;
                for (i, (label, text)) in labels.iter().enumerate() {
                    let before = if i == 0 { '{' } else { ',' };
                    write!(f, "{before}{label}=\"{}\"", escaped(text, true))?;
                }
                let end = if labels.is_empty() { "" } else { "}" };
                writeln!(f, "{end} {}", Number(*value))?;
            }
        }
        Ok(())
    }
}

/// A number as the format has it.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n.is_nan() => f.write_str("NaN"),
            n if n.is_infinite() => f.write_str(if n > 0.0 { "+Inf" } else { "-Inf" }),
            n => write!(f, "{n}"),
        }
    }
}

fn escaped(text: &str, in_quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if in_quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    out
}
