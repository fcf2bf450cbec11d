use arrow_array::RecordBatch;
use fhir_melt::Error;
use fhir_melt::arrow::{Event, Input, Pass, PassOptions, Rows};
use table_description::MeltMode;
use table_description::typing::Zone;

use super::input;
use crate::flatten::description;

/// Pages of two patients each, after the fifth one that cannot be read.
fn pages() -> Vec<Input> {
    let patient = |number: usize| format!("{{\"resourceType\":\"Patient\",\"id\":\"p{number}\"}}\n");
    let page = |number: usize| patient(2 * number) + &patient(2 * number + 1);
    let mut pages: Vec<Input> = (0..10).map(|number| input("", page(number).as_bytes())).collect();
    pages.insert(5, input("broken", b"no FHIR"));
    pages
}

/// What comes of the patients, in its order: the rows of each batch, and a word for what cannot be read.
fn events(options: PassOptions) -> (Vec<String>, Vec<RecordBatch>) {
    let mut pass = Pass::new(&description(MeltMode::Product), options).expect("a pass");
    let (mut events, mut batches) = (Vec::new(), Vec::new());
    pass.run(pages().into_iter(), |event| {
        match event {
            Event::Rows(_, batch) => {
                events.push(batch.num_rows().to_string());
                batches.push(batch);
            }
            Event::Unread(unread) => events.push(unread.input.to_string()),
            _ => {}
        }
        Ok::<(), Error>(())
    })
    .expect("rows");
    (events, batches)
}

fn typed(batch_rows: usize) -> PassOptions {
    let mut options = PassOptions::new(Rows::Typed(Zone::berlin()));
    options.batch_rows = batch_rows;
    options
}

#[test]
fn small_batches_are_joined_but_not_over_what_cannot_be_read() {
    for threads in [1, 3] {
        let options = |rows| {
            let mut options = typed(rows);
            options.threads = threads;
            options
        };
        assert_eq!(events(options(1_000)).0, ["10", "broken", "10"]);
        assert_eq!(events(options(4)).0, ["4", "4", "2", "broken", "4", "4", "2"]);
        assert_eq!(
            events(options(3)).0,
            ["2", "2", "2", "2", "2", "broken", "2", "2", "2", "2", "2"]
        );
        assert_eq!(events(options(1)).0.len(), 21);
    }
}

#[test]
fn joined_batches_have_their_rows_in_order_and_dictionaries_stay_apart() {
    let ids = |options: PassOptions| -> Vec<String> {
        let (_, batches) = events(options);
        let rows = batches.iter().flat_map(super::rendered::rows);
        rows.map(|row| row[0].clone().expect("an id")).collect()
    };
    let all: Vec<String> = (0..20).map(|number| format!("p{number}")).collect();
    assert_eq!(ids(typed(1_000)), all);
    let mut options = typed(1_000);
    options.arrow.dictionaries = true;
    assert_eq!(events(options.clone()).0.len(), 11);
    assert_eq!(ids(options), all);
}
