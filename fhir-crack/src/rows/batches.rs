//! Committed rows become batches, table by table.

use std::collections::BTreeMap;
use std::sync::Arc;

use table_description::{Column, ElementPath, FhirType, Origin, TableDescription};

use super::{Rows, repairs};
use crate::batch::{Batch, Run};
use crate::outline::Recorded;
use crate::plan::{Plan, TablePlan};
use crate::store::Span;

impl Rows {
    /// Hands out the rows so far as one batch a table, together with the text they refer to.
    pub(crate) fn take(&mut self, text: String, plan: &Plan) -> Vec<Batch> {
        let mut store = std::mem::take(&mut self.store);
        store.text = text;
        let store = Arc::new(store);
        self.mark = self.store.mark();
        self.last_index = 0;
        let runs = self.sort();
        let spans = Arc::new(self.spans());
        self.log.clear();
        self.committed = 0;
        let mut outlines = self
            .outlines
            .as_mut()
            .map_or_else(Vec::new, Recorded::take)
            .into_iter();
        self.marks.truncate(self.marks_committed);
        let mut batches = Vec::with_capacity(plan.tables.len());
        for (number, table) in plan.tables.iter().enumerate() {
            let (description, columns) = if self.named.get(number).is_none_or(BTreeMap::is_empty) {
                let last = table.first + table.description.columns.len();
                let columns = runs.get(table.first..last).unwrap_or_default();
                (Arc::clone(&table.description), columns.to_vec())
            } else {
                self.take_named(number, table, &runs)
            };
            batches.push(Batch {
                table: description,
                rows: self.rows.get_mut(number).map(std::mem::take).unwrap_or_default(),
                store: Arc::clone(&store),
                spans: Arc::clone(&spans),
                columns,
                repairs: repairs(&self.marks, number, table.first),
                hashes: self
                    .hashes
                    .get_mut(number)
                    .map(std::mem::take)
                    .unwrap_or_default(),
                outlines: outlines.next().unwrap_or_default(),
            });
        }
        self.marks.clear();
        self.marks_committed = 0;
        batches
    }

    /// Counts the values of every column and says where each column's will stand.
    fn sort(&mut self) -> Vec<Run> {
        self.counts.clear();
        self.counts.resize(self.columns, 0);
        for (column, _) in &self.log {
            if let Some(count) = self.counts.get_mut(*column as usize) {
                *count += 1;
            }
        }
        let mut end = 0;
        let runs = self.counts.iter_mut().map(|count| {
            let start = end;
            end += *count;
            *count = start;
            Run { start, end }
        });
        runs.collect()
    }

    /// The values, each put where the column's next one stands.
    fn spans(&mut self) -> Vec<Span> {
        let mut spans = vec![Span::default(); self.log.len()];
        for (column, span) in &self.log {
            if let Some(next) = self.counts.get_mut(*column as usize) {
                if let Some(place) = spans.get_mut(*next as usize) {
                    *place = *span;
                }
                *next += 1;
            }
        }
        spans
    }

    /// The columns of a table that are known by name, those with values, in byte order; and the table that has them.
    fn take_named(
        &self,
        number: usize,
        table: &TablePlan,
        runs: &[Run],
    ) -> (Arc<TableDescription>, Vec<Run>) {
        let mut description = (*table.description).clone();
        let mut columns = Vec::new();
        let base = std::mem::take(&mut description.columns);
        for (name, &column) in self.named.get(number).into_iter().flatten() {
            let Some(run) = runs.get(column as usize).filter(|run| run.start < run.end) else {
                continue;
            };
            columns.push(*run);
            let stem = name.rsplit_once('@').map_or(name.as_str(), |(stem, _)| stem);
            description
                .columns
                .push(match base.iter().find(|c| c.name == stem) {
                    Some(column) => Column {
                        name: name.clone(),
                        ..column.clone()
                    },
                    None => {
                        let path = ElementPath::new(stem.replace('.', "/"));
                        Column::new(name.clone(), Origin::Element(path), FhirType::String)
                    }
                });
        }
        (Arc::new(description), columns)
    }
}
