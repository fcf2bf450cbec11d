//! Seeded batches like the tables that take sites hours.

use std::sync::Arc;

use fhir_crack::{Batch, BatchBuilder};
use table_description::{TableDescription, default_description};

/// A table and how often its elements repeat.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    table: &'static str,
    pub(crate) columns: usize,
    pub(crate) resources: usize,
    /// Elements with the least and the most repetitions; all others have one.
    lists: &'static [(&'static str, u32, u32)],
    /// Factor on the repetitions of the last list.
    times: u32,
    /// Of 100 columns outside the lists so many have values.
    filled: u32,
}

pub(crate) const SHAPES: &[Shape] = &[
    Shape {
        name: "DiagnosticReport",
        table: "diagnosticreport",
        columns: 50,
        resources: 74_122,
        lists: &[
            ("identifier", 1, 2),
            ("category", 1, 2),
            ("code/coding", 1, 2),
            ("result", 5, 14),
        ],
        times: 1,
        filled: 40,
    },
    Shape {
        name: "Consent",
        table: "consent",
        columns: 81,
        resources: 4_033,
        lists: &[
            ("category", 1, 2),
            ("provision/provision", 3, 11),
            ("provision/provision/code/coding", 2, 2),
        ],
        times: 1,
        filled: 30,
    },
    Shape {
        name: "Observation",
        table: "observation",
        columns: 143,
        resources: 2_800_000,
        lists: &[("code/coding", 2, 2)],
        times: 1,
        filled: 20,
    },
    Shape {
        name: "MedicationRequest",
        table: "medicationrequest",
        columns: 240,
        resources: 50_000,
        lists: &[("identifier", 1, 2), ("note", 1, 2), ("dosageInstruction", 1, 4)],
        times: 1,
        filled: 25,
    },
];

impl Shape {
    /// The same with so many times the repetitions of the last list, and only a part of the resources.
    pub(crate) fn grown(&self, times: u32, part: usize) -> Self {
        Self {
            times,
            resources: self.resources / part,
            ..*self
        }
    }

    /// The first columns of the table, which are those of the original chain.
    pub(crate) fn table(&self) -> Arc<TableDescription> {
        let mut table = (**default_description().table(self.table).expect("a table of ours")).clone();
        table.columns.truncate(self.columns);
        table.columns.iter_mut().for_each(|column| column.joined = false);
        Arc::new(table)
    }

    /// Batches of so many resources, at most eight: longer runs go round.
    pub(crate) fn batches(&self, table: &Arc<TableDescription>, size: usize) -> Vec<Batch> {
        let batches = self.resources.div_ceil(size).min(8);
        let batch = |number| self.batch(table, size.min(self.resources), number as u32);
        (0..batches).map(batch).collect()
    }

    fn batch(&self, table: &Arc<TableDescription>, resources: usize, seed: u32) -> Batch {
        let mut builder = BatchBuilder::new(Arc::clone(table));
        for resource in 0..resources as u32 {
            builder.begin_row();
            for (column, description) in table.columns.iter().enumerate() {
                let path = description.path().as_str();
                let listed = self
                    .lists
                    .iter()
                    .any(|(list, ..)| description.path().starts_with(list));
                if !listed && path != "id" && scatter(column as u32, 1) % 100 >= self.filled {
                    continue;
                }
                let segments: Vec<&str> = path.split('/').collect();
                let mut index = Vec::new();
                self.fill(
                    &mut builder,
                    column,
                    &segments,
                    &mut index,
                    (seed << 20) + resource,
                );
            }
        }
        builder.finish()
    }

    fn fill(
        &self,
        builder: &mut BatchBuilder,
        column: usize,
        segments: &[&str],
        index: &mut Vec<u32>,
        seed: u32,
    ) {
        let depth = index.len();
        if depth == segments.len() {
            let number = scatter(seed, column as u32 + 7 * index.iter().sum::<u32>());
            let text = match segments[depth - 1] {
                "system" => format!("http://terminology.example.org/CodeSystem/{}", number % 50),
                "reference" => format!("Observation/{number:08x}"),
                "display" | "text" => format!("Befund Nummer {} mit Text", number % 10_000),
                "lastUpdated" | "start" | "end" | "effectiveDateTime" | "issued" => {
                    format!(
                        "2024-{:02}-{:02}T12:{:02}:00+01:00",
                        1 + number % 12,
                        1 + number % 28,
                        number % 60
                    )
                }
                "value" if segments.len() > 2 => format!("{}.{}", number % 500, number % 10),
                _ => format!("v{number:x}"),
            };
            builder.push(column, index, &text);
            return;
        }
        let path = segments[..=depth].join("/");
        let (last, most) = self.repetitions(&path, seed, index);
        for number in 1..=last.min(most) {
            index.push(number);
            self.fill(builder, column, segments, index, seed);
            index.pop();
        }
    }

    fn repetitions(&self, path: &str, seed: u32, index: &[u32]) -> (u32, u32) {
        let Some(at) = self.lists.iter().position(|(list, ..)| *list == path) else {
            return (1, 1);
        };
        let (_, least, most) = self.lists[at];
        let spread = scatter(seed, at as u32 * 31 + index.iter().sum::<u32>()) % (most - least + 1);
        let times = if at + 1 == self.lists.len() { self.times } else { 1 };
        ((least + spread) * times, most * times)
    }
}

/// A number that looks random, the same in every run.
fn scatter(a: u32, b: u32) -> u32 {
    let mut x = a.wrapping_mul(0x9e37_79b9) ^ b.wrapping_mul(0x85eb_ca6b);
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^ x >> 15
}
