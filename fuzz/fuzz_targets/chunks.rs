//! A page in pieces gives the rows of the page whole, or an error where that gives one.

#![no_main]

#[path = "pages.rs"]
mod pages;

use std::sync::Arc;

use fhir_crack::{Batch, Decoder, Options, crack_with};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (size, batch, page) = input;
    let mut options = Options::default();
    options.batch_bytes = batch.into();
    let mut decoder = Decoder::new(Arc::clone(&pages::WALKED), options);
    let mut pushed = page
        .chunks(usize::from(size) + 1)
        .try_for_each(|piece| decoder.push(piece));
    if pushed.is_ok() {
        pushed = decoder.end_page().map(drop);
    }
    let whole = crack_with(page, &pages::WALKED, Options::default());
    assert_eq!(pushed.is_ok(), whole.is_ok());
    if let Ok(whole) = whole {
        let pieces: Vec<Batch> = std::iter::from_fn(|| decoder.next_batch()).collect();
        assert_eq!(pages::cells(&pieces), pages::cells(&whole.batches));
    }
});
