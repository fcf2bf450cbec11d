//! Laws that hold for every table, as property tests.

use std::collections::HashMap;
use std::sync::Arc;

use fhir_crack::{Batch, BatchBuilder, Notation};
use fhir_melt::fhircrackr::{MeltAll, TextTable, melt_all};
use fhir_melt::{MeltOptions, Melter, Repeats, TrailingSeparator, melt, unmelt};
use proptest::prelude::*;
use table_description::typing::Zone;
use table_description::{MeltMode, TableDescription};

use crate::shared::{cells, table};

const PATHS: [&str; 9] = [
    "id",
    "identifier/system",
    "d/type/coding/code",
    "identifier/value",
    "d/site/text",
    "category/coding/code",
    "d/type/text",
    "meta/profile",
    "category/text",
];

type Entry = (usize, Vec<u32>, String);

/// Rows as entries, sorted as documents are: by column, then by index, no index twice.
fn rows(text: &'static str) -> impl Strategy<Value = Vec<Vec<Entry>>> {
    let entry =
        (0..PATHS.len(), prop::collection::vec(1u32..4, 4), text).prop_map(|(column, index, text)| {
            let depth = PATHS[column].split('/').count();
            (column, index[..depth].to_vec(), text)
        });
    let row = prop::collection::vec(entry, 0..9).prop_map(|mut entries| {
        entries.sort();
        entries.dedup_by(|a, b| (a.0, &a.1) == (b.0, &b.1));
        entries
    });
    prop::collection::vec(row, 1..4)
}

const CLEAN: &str = "[a-c~ ]{0,3}( ~ )?";
const TRICKY: &str = "([a-b]|\\[1\\]|\\[2\\.1\\]|\\[\\]| ~ |\\[7){0,4}";

fn build(table: &Arc<TableDescription>, rows: &[Vec<Entry>]) -> Batch {
    let mut builder = BatchBuilder::new(Arc::clone(table));
    for row in rows {
        builder.begin_row();
        for (column, index, text) in row {
            builder.push(*column, index, text);
        }
    }
    builder.finish()
}

/// Entries of a batch, to compare batches.
fn entries(batch: &Batch) -> Vec<(usize, u32, Vec<u32>, String)> {
    let column = |c| {
        batch
            .entries(c)
            .map(move |(row, e)| (c, row, e.index.to_vec(), e.text.to_owned()))
    };
    (0..batch.table().columns.len()).flat_map(column).collect()
}

/// The product and sum law, straight from the entries below one repetition: groups multiply, repetitions add up.
fn count(entries: &[&Entry], step: usize, prefix: &str) -> u64 {
    let mut groups: Vec<String> = Vec::new();
    for (column, _, _) in entries {
        let head: Vec<&str> = PATHS[*column].split('/').take(step).collect();
        let head = head.join("/");
        if PATHS[*column].split('/').count() >= step && head.starts_with(prefix) && !groups.contains(&head) {
            groups.push(head);
        }
    }
    let rows = |group: &String| -> u64 {
        let below = |e: &&&Entry| PATHS[e.0] == group || PATHS[e.0].starts_with(&format!("{group}/"));
        let last = entries
            .iter()
            .filter(below)
            .map(|e| e.1[step - 1])
            .max()
            .unwrap_or(1);
        (1..=last)
            .map(|n| {
                let inner: Vec<&Entry> = entries
                    .iter()
                    .filter(below)
                    .filter(|e| e.1[step - 1] == n)
                    .copied()
                    .collect();
                if inner.is_empty() {
                    1
                } else {
                    count(&inner, step + 1, group)
                }
            })
            .sum()
    };
    groups.iter().map(rows).product()
}

fn options(mode: &MeltMode) -> MeltOptions {
    MeltOptions {
        mode: Some(mode.clone()),
        trailing_separator: TrailingSeparator::Keep,
        ..MeltOptions::default()
    }
}

fn modes() -> [MeltMode; 4] {
    let only = MeltMode::Only(vec![table_description::ElementPath::new("d/type/coding")]);
    [MeltMode::Product, MeltMode::Aligned, MeltMode::Child, only]
}

proptest! {
    #[test]
    fn batches_melt_as_the_text_function_melts_their_cells(rows in rows(CLEAN)) {
        let table = table(&PATHS, &[]);
        let batch = build(&table, &rows);
        let notation = Notation::default();
        let mut text = TextTable::new(&PATHS);
        for row in 0..batch.rows() {
            let cell = |c| {
                let mut cell = Vec::new();
                batch.write_cell(row, c, &notation, &mut cell).then(|| String::from_utf8(cell).expect("text"))
            };
            let cells: Vec<Option<String>> = (0..PATHS.len()).map(cell).collect();
            text.push_row(cells.iter().map(Option::as_deref));
        }
        let options = MeltAll { notation, column_name_separator: "/".to_owned(), ..MeltAll::default() };
        let expected = melt_all(&text, &options).expect("few rows");
        let row = |r| (0..PATHS.len()).map(|c| expected.cell(r, c).map(str::to_owned)).collect::<Vec<_>>();
        let expected: Vec<_> = (0..expected.rows()).map(row).collect();
        prop_assert_eq!(cells(&melt(&batch, &MeltOptions::default())), expected);
    }

    #[test]
    fn row_counts_follow_the_product_and_sum_law(rows in rows("a")) {
        let melted = rows.iter().map(|row| count(&row.iter().collect::<Vec<_>>(), 1, "")).sum::<u64>();
        let batch = build(&table(&PATHS, &[]), &rows);
        prop_assert_eq!(melt(&batch, &MeltOptions::default()).rows() as u64, melted);
    }

    #[test]
    fn every_value_occurs_in_every_mode_even_if_it_looks_like_an_index(rows in rows(TRICKY)) {
        let batch = build(&table(&PATHS, &[]), &rows);
        for mode in modes() {
            let melted = melt(&batch, &options(&mode));
            let mut found: HashMap<(usize, usize), Vec<String>> = HashMap::new();
            for part in std::iter::once(&melted).chain(&melted.children()) {
                for row in 0..part.rows() {
                    for column in 0..PATHS.len() {
                        let cell = part.cell(row, column).map(str::to_owned);
                        found.entry((part.source_row(row), column)).or_default().extend(cell);
                    }
                }
            }
            for (source, row) in rows.iter().enumerate() {
                for (column, _, text) in row {
                    let known = &found[&(source, *column)];
                    let joined = matches!(mode, MeltMode::Only(_));
                    prop_assert!(
                        known.iter().any(|cell| cell == text || joined && cell.contains(text)),
                        "{mode:?} lost a value of {}", PATHS[*column]
                    );
                }
            }
        }
    }

    #[test]
    fn a_row_without_repetitions_is_itself(texts in prop::collection::vec(prop::option::of(TRICKY), PATHS.len())) {
        for indexed in [false, true] {
            let mut builder = BatchBuilder::new(table(&PATHS, &[]));
            builder.begin_row();
            for (column, text) in texts.iter().enumerate() {
                let depth = if indexed { PATHS[column].split('/').count() } else { 0 };
                if let Some(text) = text {
                    builder.push(column, &vec![1; depth], text);
                }
            }
            let batch = builder.finish();
            for mode in modes().into_iter().filter(|mode| *mode != MeltMode::Child) {
                prop_assert_eq!(cells(&melt(&batch, &options(&mode))), [texts.clone()]);
            }
        }
    }

    #[test]
    fn the_order_of_columns_does_not_change_the_rows(rows in rows(TRICKY), order in Just((0..PATHS.len()).collect::<Vec<_>>()).prop_shuffle()) {
        let paths: Vec<&str> = order.iter().map(|&c| PATHS[c]).collect();
        let place: Vec<usize> = (0..PATHS.len()).map(|c| order.iter().position(|&o| o == c).expect("a column")).collect();
        let moved: Vec<Vec<Entry>> = rows
            .iter()
            .map(|row| row.iter().map(|(c, index, text)| (place[*c], index.clone(), text.clone())).collect())
            .collect();
        let (one, other) = (build(&table(&PATHS, &[]), &rows), build(&table(&paths, &[]), &moved));
        let mut plain = cells(&melt(&one, &options(&MeltMode::Product)));
        let mut shuffled: Vec<Vec<Option<String>>> = cells(&melt(&other, &options(&MeltMode::Product)))
            .into_iter()
            .map(|row| place.iter().map(|&at| row[at].clone()).collect())
            .collect();
        plain.sort();
        shuffled.sort();
        prop_assert_eq!(plain, shuffled);
    }

    #[test]
    fn a_streamed_row_does_not_depend_on_its_neighbours(rows in rows(TRICKY)) {
        let table = table(&PATHS, &[]);
        for mode in modes() {
            let options = MeltOptions::streamed(&table, Some(mode));
            let alone: Vec<_> = rows
                .iter()
                .flat_map(|row| cells(&melt(&build(&table, std::slice::from_ref(row)), &options)))
                .collect();
            prop_assert_eq!(cells(&melt(&build(&table, &rows), &options)), alone);
        }
    }

    #[test]
    fn what_repeats_decides_only_the_order(rows in rows(TRICKY)) {
        let table = table(&PATHS, &[]);
        let batch = build(&table, &rows);
        let mut streamed = cells(&melt(&batch, &MeltOptions::streamed(&table, None)));
        let mut whole = cells(&melt(&batch, &options(&MeltMode::Product)));
        streamed.sort();
        whole.sort();
        prop_assert_eq!(streamed, whole);
    }

    #[test]
    fn chunks_are_the_rows_in_pieces(rows in rows(TRICKY), most in 1usize..5) {
        let table = table(&PATHS, &[]);
        let batch = build(&table, &rows);
        let zone = Zone::berlin();
        for mode in modes() {
            let melter = Melter::new(&table, &options(&mode));
            let whole = melter.melt(&batch);
            let (typed, defects) = whole.typed(&zone);
            let mut stream = melter.stream(&batch);
            prop_assert_eq!(stream.row_count(), whole.rows() as u64);
            let (mut row, mut chunk_defects) = (0, 0);
            loop {
                let chunk = stream.take(most);
                if chunk.rows() == 0 {
                    break;
                }
                let (chunk_typed, found) = chunk.typed(&zone);
                chunk_defects += found.len();
                for at in 0..chunk.rows() {
                    prop_assert_eq!(chunk.source_row(at), whole.source_row(row));
                    for column in 0..PATHS.len() {
                        prop_assert_eq!(chunk.cell(at, column), whole.cell(row, column));
                        prop_assert_eq!(chunk_typed.value(at, column), typed.value(row, column));
                    }
                    row += 1;
                }
            }
            prop_assert_eq!((row, chunk_defects), (whole.rows(), defects.len()));
        }
    }

    #[test]
    fn raw_rows_can_be_rebuilt_from_aligned_and_child_tables(rows in rows(TRICKY)) {
        let table = table(&PATHS, &[]);
        let batch = build(&table, &rows);
        for mode in [MeltMode::Aligned, MeltMode::Child] {
            for repeats in [None, Some(Repeats::all(&table))] {
                let options = MeltOptions { repeats, ..options(&mode) };
                prop_assert_eq!(entries(&unmelt(&melt(&batch, &options))), entries(&batch), "{:?}", mode);
            }
        }
    }

    #[test]
    fn raw_text_cells_melt_as_the_batch_they_were_written_from(rows in rows("([a-b]|\\[1\\]|\\[\\]|\\[7|~){0,4}")) {
        let table = table(&PATHS, &[]);
        let batch = build(&table, &rows);
        let mut builder = BatchBuilder::new(Arc::clone(&table));
        for row in 0..batch.rows() {
            builder.begin_row();
            for column in 0..PATHS.len() {
                let mut cell = Vec::new();
                if batch.write_cell(row, column, &Notation::default(), &mut cell) {
                    builder.push_cell(column, std::str::from_utf8(&cell).expect("text"));
                }
            }
        }
        let read = builder.finish();
        for mode in modes() {
            prop_assert_eq!(cells(&melt(&read, &options(&mode))), cells(&melt(&batch, &options(&mode))));
        }
    }
}
