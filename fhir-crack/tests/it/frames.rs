//! Batches as data frames.

use fhir_crack::frame::{write_arrow, write_parquet};
use fhir_crack::{Notation, crack};

use crate::tables::description;

#[test]
fn a_batch_is_a_frame_of_texts_with_nulls() {
    let page = "{\"resourceType\":\"Patient\",\"id\":\"1\",\"name\":[{\"given\":[\"A\",\"B\"]}]}{\"resourceType\":\"Patient\",\"id\":\"2\"}";
    let cracked = crack(
        page.as_bytes(),
        &description(&[("Patient", &["id", "name/given"])]),
    )
    .unwrap();
    let mut frame = cracked.batches[0].to_frame(&Notation::default()).unwrap();
    assert_eq!(frame.shape(), (2, 2));
    let given = frame.column("name/given").unwrap().str().unwrap();
    assert_eq!(
        (0..2).map(|row| given.get(row)).collect::<Vec<_>>(),
        [Some("[1.1]A ~ [1.2]B"), None]
    );
    let (mut parquet, mut arrow) = (Vec::new(), Vec::new());
    write_parquet(&mut frame, &mut parquet).unwrap();
    write_arrow(&mut frame, &mut arrow).unwrap();
    assert!(parquet.starts_with(b"PAR1") && arrow.starts_with(b"ARROW1"));
}
