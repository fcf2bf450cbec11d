//! Encodings, compression, what a page says about itself, several threads, layouts.

use std::io::Write;
use std::sync::Arc;

use fhir_crack::{
    Decoder, Error, ErrorKind, Faults, Layout, Notation, Options, Plan, bundle_meta, crack, crack_pages, csv,
    ndjson, pieces_of_lines,
};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::tables::{description, lines};

const XML: &str = "<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"Müller\"/></Patient>";

fn utf16(text: &str, little: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| {
            if little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            }
        })
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn encodings_are_told_by_mark_or_declaration() {
    let declared = |label: &str| format!("<?xml version=\"1.0\" encoding=\"{label}\"?>{XML}");
    let latin: Vec<u8> = declared("ISO-8859-1").chars().map(|c| c as u8).collect();
    let marked = |mark: &[u8], rest: Vec<u8>| [mark.to_vec(), rest].concat();
    let json = "{\"resourceType\":\"Patient\",\"id\":\"Müller\"}";
    let pages = [
        XML.as_bytes().to_vec(),
        declared("utf-8").into_bytes(),
        latin,
        marked(b"\xef\xbb\xbf", XML.as_bytes().to_vec()),
        marked(b"\xef\xbb\xbf", json.as_bytes().to_vec()),
        marked(b"\xff\xfe", utf16(&declared("UTF-16"), true)),
        marked(b"\xfe\xff", utf16(&declared("UTF-16"), false)),
        utf16(&declared("UTF-16LE"), true),
        marked(b"\xff\xfe", utf16(json, true)),
    ];
    for page in pages {
        let once = gzip(&page);
        let padded = [&*once, &[0; 1000]].concat();
        for bytes in [page.clone(), gzip(&once), gzip(&padded), padded, once] {
            let cracked = crack(&bytes, &description(&[("Patient", &["id"])])).unwrap();
            assert_eq!(lines(&cracked.batches[0]), ["[1]Müller"], "{:?}", &page[..4]);
        }
    }
}

#[test]
fn what_stands_before_a_fault_of_the_compression_is_read() {
    let entries: Vec<String> = (0..1000)
        .map(|i| format!(r#"{{"resource":{{"resourceType":"Patient","id":"p{i}"}}}}"#))
        .collect();
    let page = format!(r#"{{"resourceType":"Bundle","entry":[{}]}}"#, entries.join(","));
    let whole = gzip(page.as_bytes());
    let mut flipped = whole.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let twice = gzip(&whole);
    let mut cut = utf16(&page, true);
    cut.truncate(cut.len() / 2 / 2 * 2);
    let lone = [b"\xff\xfe", &*cut, &[0, 0xd8, b'x', 0]].concat();
    for (bytes, least, kind) in [
        (&whole[..whole.len() - 9], 900, ErrorKind::Gzip),
        (&whole[..whole.len() / 2], 100, ErrorKind::Gzip),
        (&[&*whole, b"garbage"].concat(), 1000, ErrorKind::Gzip),
        (&flipped, 1000, ErrorKind::Gzip),
        (&twice[..twice.len() - 1], 1000, ErrorKind::Gzip),
        (&lone, 400, ErrorKind::Encoding),
    ] {
        for piece in [7, 5000, usize::MAX] {
            let plan = Plan::new(&description(&[("Patient", &["id"])])).unwrap();
            let mut decoder = Decoder::new(Arc::new(plan), Options::default());
            let pushed = bytes.chunks(piece).try_for_each(|piece| decoder.push(piece));
            let ended = pushed.and_then(|()| decoder.end_page().map(drop));
            assert_eq!(ended.unwrap_err().kind(), &kind);
            decoder.abandon_page();
            let rows = std::iter::from_fn(|| decoder.next_batch()).map(|batch| batch.rows());
            let rows: usize = rows.sum();
            assert!(rows >= least, "{rows} of at least {least}, {piece}");
        }
    }
}

#[test]
fn a_page_says_next_total_and_issues_in_both_formats() {
    let json = br#"{"resourceType":"Bundle","type":"searchset","total":12,"link":[{"relation":"self","url":"a?b&c"},{"relation":"next","url":"n"}],
        "entry":[{"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"throttled"},{"severity":"error","code":"not-found"}]}}]}"#;
    let xml = br#"<Bundle><type value="searchset"/><total value="12"/><link><relation value="self"/><url value="a?b&amp;c"/></link><link><relation value="next"/><url value="n"/></link>
        <entry><resource><OperationOutcome><issue><severity value="warning"/><code value="throttled"/></issue><issue><severity value="error"/><code value="not-found"/></issue></OperationOutcome></resource></entry></Bundle>"#;
    let meta = bundle_meta(json).unwrap();
    assert_eq!(meta, bundle_meta(xml).unwrap());
    assert_eq!(
        (meta.next.as_deref(), meta.self_link.as_deref(), meta.total),
        (Some("n"), Some("a?b&c"), Some(12))
    );
    let codes: Vec<&str> = meta.issues.iter().map(|issue| issue.code).collect();
    assert_eq!(codes, ["throttled", "not-found"]);
    let alone = br#"{"resourceType":"OperationOutcome","issue":[{"severity":"fatal","code":"exception"}]}"#;
    let meta = bundle_meta(alone).unwrap();
    assert_eq!(
        (meta.resource.as_deref(), meta.issues.len()),
        (Some("OperationOutcome"), 1)
    );
}

#[test]
fn threads_give_the_rows_of_one_in_order() {
    let text: String = (0..500)
        .map(|n| format!("{{\"resourceType\":\"Patient\",\"id\":\"{}\"}}\n", n % 400))
        .collect();
    let plan = Arc::new(Plan::new(&description(&[("Patient", &["id"])])).unwrap());
    let expected: Vec<String> = (0..400).map(|n| format!("[1]{n}")).collect();
    for threads in 1..4 {
        let mut rows = Vec::new();
        let pages = pieces_of_lines(text.as_bytes(), 300);
        let summary = crack_pages(pages, &plan, &Options::default(), threads, |cracked| {
            rows.extend(lines(&cracked.batches[0]));
            Ok::<(), Error>(())
        });
        assert_eq!(rows, expected);
        let table = &summary.unwrap().tables[0];
        assert_eq!((table.resources, table.rows, table.duplicates), (500, 400, 100));
    }
    let damaged = [&b"{\"resourceType\":\"Patient\"}"[..], b"{", b"x"];
    let mut refusing = Options::default();
    refusing.faults = Faults::Refuse;
    let stopped = crack_pages(damaged, &plan, &refusing, 2, |_| Ok::<(), Error>(()));
    assert_eq!(stopped.unwrap_err().kind(), &ErrorKind::Truncated);
}

#[test]
fn paths_that_cannot_be_followed_are_refused_with_the_reason() {
    let refused = [
        "name/given | name/family",
        "../fullUrl",
        "name/@value",
        "name//",
        "/name",
        "name[",
        "name[use",
        "name[text()]",
        "name[foo('x')]",
        "ancestor::name",
        "(name)[1]",
        "name/@use/x",
        "",
        "name/",
        "name[use='a]",
        "na me",
    ];
    for path in refused {
        let error = Plan::new(&description(&[("Patient", &[path])])).expect_err(path);
        assert!(matches!(error.kind(), ErrorKind::Path { .. }), "{path}: {error}");
    }
    let deep = vec!["extension"; 40].join("/");
    let error = Plan::new(&description(&[("Patient", &[deep.as_str()])])).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit(_)));
}

/// Each: path, values expected in the order of the document.
const PREDICATES: &[(&str, &str)] = &[
    ("name[use/@value='official']/family", "[2.1]B"),
    ("name[use[@value='official']]/family", "[2.1]B"),
    ("name[2]/family", "[2.1]B"),
    ("name[last()]/given[1]", "[3.1]C1"),
    ("name[position()<3]/given[last()]", "[1.2]A2 ~ [2.1]B1"),
    ("name[not(use)]/given", "[1.1]A1 ~ [1.2]A2"),
    (
        "name[contains(family/@value,'B') or use/@value=\"old\"]/given",
        "[2.1]B1 ~ [3.1]C1",
    ),
    ("name[count(given)=2 and not(use)]/given[2]", "[1.2]A2"),
    ("name[starts-with(use/@value,'o')][2]/given", "[3.1]C1"),
    ("*/family", "[2.1]B"),
    (".//family", "[2.1]B ~ [1.1.1]K"),
    ("descendant::family", "[2.1]B ~ [1.1.1]K"),
    ("contact/*/family", "[1.1.1]K"),
    ("extension[@url='http://x/y']/valueString", "[2.1]v"),
    ("name[use/@value!='old']/family", "[2.1]B"),
];

#[test]
fn predicates_choose_elements_in_both_formats() {
    let json = r#"{"resourceType":"Patient","id":"1","extension":[{"url":"http://z","valueString":"no"},{"url":"http://x/y","valueString":"v"}],"name":[{"given":["A1","A2"]},{"use":"official","family":"B","given":["B1"]},{"use":"old","given":["C1"]}],"contact":[{"name":{"family":"K"}}]}"#;
    let xml = crate::simple_json::xml_bundle(&crate::simple_json::read_all(json));
    for (path, expected) in PREDICATES {
        let description = description(&[("Patient", &["id", path])]);
        for page in [json.as_bytes(), xml.as_bytes()] {
            let cracked = crack(page, &description).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert_eq!(lines(&cracked.batches[0]), [format!("[1]1|{expected}")], "{path}");
        }
    }
}

#[test]
fn batches_are_written_as_csv_and_ndjson() {
    let page = "{\"resourceType\":\"Patient\",\"id\":\"1\",\"name\":[{\"text\":\"a \\\"b\\\"\\n\"}]}{\"resourceType\":\"Patient\",\"id\":\"\"}";
    let cracked = crack(
        page.as_bytes(),
        &description(&[("Patient", &["id", "name/text"])]),
    )
    .unwrap();
    let mut out = Vec::new();
    csv::write_header(&cracked.batches[0], &mut out).unwrap();
    csv::write_rows(&cracked.batches[0], &Notation::without_brackets("|"), &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\"id\",\"name/text\"\n\"1\",\"a \"\"b\"\"\n\"\n\"\",\n"
    );
    let mut out = Vec::new();
    ndjson::write_rows(&cracked.batches[0], &Notation::default(), &mut out).unwrap();
    let expected = "{\"id\":\"[1]1\",\"name/text\":\"[1.1]a \\\"b\\\"\\n\"}\n{\"id\":\"[1]\"}\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_table_without_columns_takes_all_elements() {
    let description = description(&[("Patient", &[])]);
    let page = br#"{"resourceType":"Patient","id":"1","active":true,"name":[{"id":"n","given":["A","B"]}],"text":{"status":"empty","div":"<div/>"}}"#;
    let cracked = crack(page, &description).unwrap();
    let layout = Layout::new(Notation::default());
    let table = layout.lay_out(&description.tables[0], &cracked.batches).unwrap();
    assert_eq!(table.names, ["active", "id", "name.given", "text.status"]);
    let mut wide = layout.clone();
    wide.wide = true;
    let table = wide.lay_out(&description.tables[0], &cracked.batches).unwrap();
    assert_eq!(
        table.names,
        [
            "[1]active",
            "[1]id",
            "[1.1]name.given",
            "[1.2]name.given",
            "[1.1]text.status"
        ]
    );
    wide.notation = Notation::without_brackets(":");
    assert!(matches!(
        wide.lay_out(&description.tables[0], &cracked.batches)
            .unwrap_err()
            .kind(),
        ErrorKind::Settings(_)
    ));
}
