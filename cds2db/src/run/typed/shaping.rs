//! Raw rows in memory become typed rows, once: what the files, the tests and the hub get is made here.

use std::collections::HashMap;
use std::sync::Arc;

use fhir_crack::Batch;
use fhir_melt::{MeltOptions, Melted, Melter, TypedBatch};
use table_description::typing::{DefectKind, Zone};
use table_description::{Defect, Description, MeltMode, TableDescription};

/// Rows that one resource may become as the product of its lists. One with more has its lists side by side instead: a
/// hundred names, addresses and identifiers would be a million rows.
const MOST_ROWS_A_RESOURCE: u64 = 2_000;

/// How each table is melted and typed.
#[derive(Debug)]
pub(crate) struct Shaping {
    zone: Zone,
    melters: HashMap<String, Melters>,
}

#[derive(Debug)]
struct Melters {
    usual: Melter,
    /// For resources that would become too many rows.
    aligned: Melter,
}

/// Raw rows with the typed rows made of them.
#[derive(Debug)]
pub(crate) struct Shaped {
    pub(crate) batch: Batch,
    pub(crate) typed: Vec<TypedBatch>,
    pub(crate) defects: Vec<Defect>,
}

impl Shaping {
    pub(crate) fn new(description: &Description, zone: Zone) -> Self {
        let melters = description.tables.iter();
        Self {
            zone,
            melters: melters
                .map(|table| (table.name.clone(), Melters::new(table)))
                .collect(),
        }
    }

    /// Melts and types raw rows. Each resource becomes the same rows whatever stands beside it, so that rows typed
    /// later, from the hub's raw text, are equal.
    pub(crate) fn shape(&self, batch: Batch) -> Shaped {
        let Some(melters) = self.melters.get(&batch.table().name) else {
            let (typed, defects) = (Vec::new(), Vec::new());
            return Shaped {
                batch,
                typed,
                defects,
            };
        };
        let melted = melters.usual.melt(&batch);
        let (rows, mut defects) = melted.typed(&self.zone);
        let mut typed = vec![rows];
        if !melted.left_out().is_empty() {
            typed.push(self.aligned(&melted, &batch, melters, &mut defects));
        }
        drop(melted);
        Shaped {
            batch,
            typed,
            defects,
        }
    }

    /// The rows of the resources that were left out, their lists side by side.
    fn aligned(
        &self,
        melted: &Melted<'_>,
        batch: &Batch,
        melters: &Melters,
        defects: &mut Vec<Defect>,
    ) -> TypedBatch {
        let left_out = melted.left_out();
        let (mut typed, more) = melters.aligned.melt(batch).typed(&self.zone);
        typed.retain_sources(|source| {
            u32::try_from(source).is_ok_and(|source| left_out.binary_search(&source).is_ok())
        });
        let too_many = melted.defects();
        let is_of_these = |defect: &Defect| {
            too_many
                .iter()
                .any(|known| known.resource_id == defect.resource_id)
        };
        // Their cells were looked at in both ways, and are told once.
        defects.retain(|defect| defect.kind == DefectKind::TooManyRows || !is_of_these(defect));
        defects.extend(more.into_iter().filter(is_of_these));
        typed
    }
}

impl Melters {
    fn new(table: &Arc<TableDescription>) -> Self {
        if table.resource.is_none() {
            let usual = Melter::new(table, &MeltOptions::default());
            return Self {
                aligned: usual.clone(),
                usual,
            };
        }
        let options = MeltOptions {
            row_limit: MOST_ROWS_A_RESOURCE,
            ..MeltOptions::streamed(table, None)
        };
        Self {
            usual: Melter::new(table, &options),
            aligned: Melter::new(table, &MeltOptions::streamed(table, Some(MeltMode::Aligned))),
        }
    }
}

impl Shaped {
    /// Typed rows.
    pub(crate) fn rows(&self) -> usize {
        self.typed.iter().map(TypedBatch::rows).sum()
    }

    /// Resources whose lists stand side by side.
    pub(crate) fn aligned(&self) -> usize {
        self.defects
            .iter()
            .filter(|defect| defect.kind == DefectKind::TooManyRows)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use fhir_crack::{Options, Plan};

    use super::*;

    /// A patient whose lists have so many names, addresses and identifiers.
    fn patient(id: &str, names: usize, addresses: usize, identifiers: usize) -> String {
        let list =
            |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
        format!(
            r#"{{"resource":{{"resourceType":"Patient","id":"{id}","birthDate":"1950-02-30","name":[{}],"address":[{}],"identifier":[{}]}}}}"#,
            list(names, &|n| format!(r#"{{"family":"f{n}"}}"#)),
            list(addresses, &|n| format!(r#"{{"postalCode":"c{n}"}}"#)),
            list(identifiers, &|n| format!(r#"{{"value":"i{n}"}}"#)),
        )
    }

    #[test]
    fn a_resource_with_too_large_a_product_has_its_lists_side_by_side() {
        let description = table_description::default_description();
        let plan = Arc::new(Plan::new(&description).expect("a plan"));
        let shaping = Shaping::new(&description, Zone::berlin());
        let entries = [
            patient("small", 2, 2, 1),
            patient("large", 100, 100, 99),
            patient("last", 1, 1, 1),
        ];
        let page = format!(r#"{{"resourceType":"Bundle","entry":[{}]}}"#, entries.join(","));
        let cracked = fhir_crack::crack_with(page.as_bytes(), &plan, Options::default()).expect("cracks");
        let batch = cracked
            .batches
            .into_iter()
            .find(|b| b.rows() > 0)
            .expect("patients");
        let shaped = shaping.shape(batch);
        assert_eq!(shaped.aligned(), 1);
        let mut rows = [0; 3];
        for typed in &shaped.typed {
            (0..typed.rows()).for_each(|row| rows[typed.source_row(row)] += 1);
        }
        assert_eq!(
            rows,
            [4, 100, 1],
            "no row is lost and none is a product of the large one"
        );
        // The birth date of each is no date, said once a resource.
        let mut dates: Vec<_> = shaped
            .defects
            .iter()
            .filter(|defect| defect.kind != DefectKind::TooManyRows)
            .map(|defect| (defect.resource_id.clone(), defect.kind, defect.column))
            .collect();
        dates.sort_by_key(|(id, ..)| id.clone());
        assert_eq!(dates.len(), 3, "{dates:?}");
    }
}
