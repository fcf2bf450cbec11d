//! Input that is cut off, damaged or made to hurt ends in an error that says where, never in anything worse.

use std::io::Write;
use std::sync::Arc;

use fhir_crack::{Decoder, Error, ErrorKind, Faults, Limit, Options, Plan, bundle_meta, crack, crack_with};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::same_rows::paths;
use crate::simple_json::{read_all, xml_bundle};
use crate::tables::{description, lines};

/// The fault that ends a page where none is set aside.
fn error(page: &[u8]) -> Error {
    let plan = Arc::new(Plan::new(&paths()).unwrap());
    crack_with(page, &plan, refusing()).expect_err("the page is not well-formed")
}

fn refusing() -> Options {
    let mut options = Options::default();
    options.faults = Faults::Refuse;
    options
}

/// Each: page, kind of the error, byte, line and column.
const FAULTS: &[(&str, ErrorKind, u64, u64, u64)] = &[
    (
        "{\"resourceType\":\"Patient\",\n \"id\":\"1\"\n ]",
        ErrorKind::Syntax("a comma or the end of the object"),
        38,
        3,
        2,
    ),
    (
        "{\"resourceType\":\"Patient\",\"id\":\"1\",\"id\":\"2\"}",
        ErrorKind::DuplicateKey,
        35,
        1,
        36,
    ),
    (
        "{\"resourceType\":\"Patient\",\"id\":01}",
        ErrorKind::Syntax("a number without leading zeros"),
        31,
        1,
        32,
    ),
    (
        "{\"resourceType\":\"Patient\",\"id\":nil}",
        ErrorKind::Syntax("a value"),
        31,
        1,
        32,
    ),
    (
        "{\"resourceType\":\"Patient\",\"id\":\"\\x\"}",
        ErrorKind::Syntax("an escape"),
        32,
        1,
        33,
    ),
    (
        "{\"resourceType\":\"Patient\",\"id\":\"\\ud80\"}",
        ErrorKind::Syntax("an escape"),
        32,
        1,
        33,
    ),
    (
        "\n  hello",
        ErrorKind::Syntax("a JSON object or an XML document"),
        3,
        2,
        3,
    ),
    (
        "{\"resourceType\":\"Patient\"} x",
        ErrorKind::Syntax("a JSON object"),
        27,
        1,
        28,
    ),
    ("{\"resourceType\":\"Patient\"", ErrorKind::Truncated, 25, 1, 26),
    (
        "<Patient><id value=\"&lol;\"/></Patient>",
        ErrorKind::Entity,
        20,
        1,
        21,
    ),
    (
        "<Patient><id value=\"&#x110000000;\"/></Patient>",
        ErrorKind::Syntax("a character XML allows"),
        20,
        1,
        21,
    ),
    (
        "<Patient>\n<id value=\"1\"/></Patent>",
        ErrorKind::Syntax("the end tag of the element"),
        25,
        2,
        16,
    ),
    (
        "<Patient><id value=\"1\"/></Patient><x/>",
        ErrorKind::Syntax("the end of the document"),
        34,
        1,
        35,
    ),
    (
        "<Bundle><entry></Bundle>",
        ErrorKind::Syntax("the end tag of the element"),
        15,
        1,
        16,
    ),
    (
        "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><Patient><id value=\"&b;\"/></Patient>",
        ErrorKind::Entity,
        0,
        1,
        1,
    ),
];

#[test]
fn faults_are_named_with_their_place() {
    for (page, kind, offset, line, column) in FAULTS {
        let error = error(page.as_bytes());
        assert_eq!(error.kind(), kind, "{page}");
        let place = error.place().expect(page);
        assert_eq!(
            (place.offset, place.line, place.column),
            (*offset, *line, *column),
            "{page}: {error}"
        );
    }
}

#[test]
fn a_page_cut_at_any_byte_is_an_error() {
    let json = include_str!("odd_page.json").trim_end().to_owned();
    let read = read_all(&json);
    let resources: Vec<_> = read[0]
        .get("entry")
        .unwrap()
        .repetitions()
        .into_iter()
        .filter_map(|e| e.get("resource"))
        .cloned()
        .collect();
    for page in [json, xml_bundle(&resources).trim_end().to_owned()] {
        for at in 1..page.len() {
            if page.is_char_boundary(at) {
                assert_eq!(
                    error(&page.as_bytes()[..at]).kind(),
                    &ErrorKind::Truncated,
                    "cut at byte {at}"
                );
            } else {
                assert_eq!(
                    error(&page.as_bytes()[..at]).kind(),
                    &ErrorKind::Encoding,
                    "cut at byte {at}"
                );
            }
        }
    }
}

#[test]
fn depth_is_bounded_wherever_it_is() {
    let deep = 100_000;
    let pages = [
        "[".repeat(deep),
        "{\"a\":".repeat(deep),
        format!("{{\"resourceType\":\"Patient\",\"x\":{}", "[".repeat(deep)),
        format!(
            "{{\"resourceType\":\"Patient\",\"name\":{}",
            "{\"given\":".repeat(deep)
        ),
        format!(
            "{{\"resourceType\":\"Patient\",\"extension\":{}",
            "[{\"extension\":".repeat(deep)
        ),
        format!(
            "{{\"resourceType\":\"OperationOutcome\",\"a\":{}",
            "{\"a\":".repeat(deep)
        ),
        format!("<Patient>{}", "<x>".repeat(deep)),
        format!("<Patient>{}", "<extension>".repeat(deep)),
        format!("<f:Patient>{}", "<f:extension>".repeat(deep)),
        format!("<Bundle>{}", "<entry>".repeat(deep)),
    ];
    for page in &pages[1..] {
        let error = error(page.as_bytes());
        assert_eq!(
            error.kind(),
            &ErrorKind::Limit(Limit::Depth),
            "{}: {error}",
            &page[..40]
        );
    }
    assert!(matches!(error(pages[0].as_bytes()).kind(), ErrorKind::Syntax(_)));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for bytes in [
        &b"{\"resourceType\":\"Patient\",\"id\":\"\xff\"}"[..],
        b"\xc3\x28",
        b"{\"a\":\"\xe2\x82",
        b"<?xml version=\"1.0\" encoding=\"klingon\"?><a/>",
    ] {
        assert_eq!(error(bytes).kind(), &ErrorKind::Encoding);
    }
    assert_eq!(error(b"\x1f\x8bnot gzip at all").kind(), &ErrorKind::Gzip);
    assert_eq!(
        error(b"\x1f").kind(),
        &ErrorKind::Syntax("a JSON object or an XML document")
    );
}

#[test]
fn limits_are_named() {
    let plan = Arc::new(Plan::new(&paths()).unwrap());
    let page = br#"{"resourceType":"Patient","id":"1234567890","name":[{"given":["a","b","c","d"]}]}"#;
    let with = |change: fn(&mut Options)| {
        let mut options = refusing();
        change(&mut options);
        crack_with(page, &plan, options)
            .map(|_| ())
            .map_err(|e| e.kind().clone())
    };
    assert_eq!(with(|_| ()), Ok(()));
    assert_eq!(
        with(|o| o.limits.entries = 4),
        Err(ErrorKind::Limit(Limit::Entries))
    );
    assert_eq!(
        with(|o| o.limits.cell_bytes = 9),
        Err(ErrorKind::Limit(Limit::CellBytes))
    );
    assert_eq!(
        with(|o| o.limits.page_bytes = 60),
        Err(ErrorKind::Limit(Limit::PageBytes))
    );
    assert_eq!(with(|o| o.limits.depth = 3), Err(ErrorKind::Limit(Limit::Depth)));
    let mut options = Options::default();
    options.limits.resource_bytes = 1000;
    options.batch_bytes = 100;
    let mut decoder = Decoder::new(plan, options);
    let endless = vec![b'x'; 5000];
    decoder.push(b"{\"resourceType\":\"Patient\",\"id\":\"").unwrap();
    let error = endless
        .chunks(10)
        .find_map(|piece| decoder.push(piece).err())
        .unwrap();
    assert_eq!(error.kind(), &ErrorKind::Limit(Limit::ResourceBytes));
}

#[test]
fn a_compressed_bomb_is_stopped_while_it_unfolds() {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer
        .write_all(b"{\"resourceType\":\"Patient\",\"id\":\"")
        .unwrap();
    for _ in 0..64 {
        packer.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    let bomb = packer.finish().unwrap();
    assert!(bomb.len() < 100_000);
    let mut options = Options::default();
    options.limits.page_bytes = 1 << 20;
    let plan = Arc::new(Plan::new(&paths()).unwrap());
    let error = crack_with(&bomb, &plan, options).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Limit(Limit::PageBytes));
}

#[test]
fn a_decoder_goes_on_after_a_page_that_was_damaged() {
    let plan = Arc::new(Plan::new(&description(&[("Patient", &["id"])])).unwrap());
    let mut decoder = Decoder::new(plan, refusing());
    decoder
        .push(b"{\"resourceType\":\"Patient\",\"id\":\"1\"}{\"resourceType\":\"Patient\",\"id\":")
        .unwrap();
    assert!(decoder.end_page().is_err());
    decoder.abandon_page();
    decoder
        .push(b"{\"resourceType\":\"Patient\",\"id\":\"2\"}")
        .unwrap();
    decoder.end_page().unwrap();
    let rows: Vec<String> = std::iter::from_fn(|| decoder.next_batch())
        .flat_map(|batch| lines(&batch))
        .collect();
    assert_eq!(rows, ["[1]1", "[1]2"]);
}

#[test]
fn no_value_of_a_page_stands_in_an_error_or_debug_text() {
    let marker = "MARKER";
    let pages = [
        format!("{{\"resourceType\":\"Patient\",\"id\":\"{marker}\",\"{marker}\":{marker}}}"),
        format!("{{\"resourceType\":\"Patient\",\"id\":\"{marker}\",\"id\":\"{marker}\"}}"),
        format!("<Patient><id value=\"{marker}\"/><{marker}></Patient>"),
        format!("<Patient><id value=\"{marker}&{marker};\"/></Patient>"),
    ];
    for page in pages {
        let error = error(page.as_bytes());
        assert!(!format!("{error} {error:?}").contains(marker));
    }
    let page = format!(
        "{{\"resourceType\":\"Bundle\",\"link\":[{{\"relation\":\"next\",\"url\":\"http://h?{marker}\"}}],\"entry\":[{{\"resource\":{{\"resourceType\":\"Patient\",\"id\":\"{marker}\"}}}}]}}"
    );
    let cracked = crack(page.as_bytes(), &paths()).unwrap();
    assert!(!format!("{cracked:?} {:?}", cracked.batches[0].cell(0, 0).next()).contains(marker));
    assert_eq!(
        bundle_meta(page.as_bytes()).unwrap().next.unwrap(),
        format!("http://h?{marker}")
    );
}

/// Found by fuzzing: the tree reader took the start of a reference in text for a fault where the bytes at hand ended in it.
#[test]
fn a_reference_in_text_may_be_cut_by_a_piece() {
    let page = "<Patient><?unusual x?>a &#11; b &amp; c<id value=\"1\"/></Patient>";
    let plan = Arc::new(Plan::new(&paths()).unwrap());
    for size in 1..page.len() {
        let mut options = Options::default();
        options.batch_bytes = 1;
        let mut decoder = Decoder::new(Arc::clone(&plan), options);
        for piece in page.as_bytes().chunks(size) {
            decoder.push(piece).unwrap();
        }
        decoder.end_page().unwrap();
    }
    for text in ["a & b", "a &#11<x/>", "&a&b;"] {
        let page = format!("<Patient><?unusual x?>{text}<id value=\"1\"/></Patient>");
        assert!(
            matches!(error(page.as_bytes()).kind(), ErrorKind::Syntax(_)),
            "{text}"
        );
    }
}
