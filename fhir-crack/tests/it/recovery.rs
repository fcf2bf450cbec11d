//! What cannot be read costs itself and nothing else: the next entry or line goes on, the bad one is kept as it came.

use std::sync::Arc;

use fhir_crack::{Cracked, Decoder, Faults, Options, Plan, Rejected, crack_with};

use crate::tables::{description, lines};

pub(crate) fn plan() -> Arc<Plan> {
    Arc::new(Plan::new(&description(&[("Patient", &["id", "name/family"])])).unwrap())
}

pub(crate) fn crack(page: &[u8]) -> Cracked {
    crack_with(page, &plan(), Options::default()).unwrap()
}

/// The rows of a page pushed in pieces of so many bytes.
pub(crate) fn pushed(page: &[u8], size: usize) -> (Vec<String>, Vec<Rejected>) {
    let mut options = Options::default();
    options.batch_bytes = 1;
    let mut decoder = Decoder::new(plan(), options);
    for piece in page.chunks(size) {
        decoder.push(piece).unwrap();
    }
    decoder.end_page().unwrap();
    let rows = std::iter::from_fn(|| decoder.next_batch())
        .flat_map(|b| lines(&b))
        .collect();
    let rejected: Vec<Rejected> = std::iter::from_fn(|| decoder.next_rejected()).collect();
    assert_eq!(decoder.summary().rejected, rejected.len() as u64);
    (rows, rejected)
}

pub(crate) const GOOD: [&str; 2] = [
    r#"{"resourceType":"Patient","id":"1"}"#,
    r#"{"resourceType":"Patient","id":"3"}"#,
];

/// Resources that cannot be read, in JSON.
fn bad() -> Vec<Vec<u8>> {
    let deep = |open: &str, close: &str| {
        format!(
            r#"{{"resourceType":"Patient","id":"2","x":{}1{}}}"#,
            open.repeat(200),
            close.repeat(200)
        )
        .into_bytes()
    };
    let mut bad: Vec<Vec<u8>> = [
        r#"{"resourceType":"Patient","id":"2","id":"4"}"#,
        r#"{"resourceType":"Patient","id":"2","x":1,"x":2}"#,
        r#"{"resourceType":"Patient","id":"2","x":.15}"#,
        r#"{"resourceType":"Patient","id":"2","x":1.}"#,
        r#"{"resourceType":"Patient","id":"2","x":+5}"#,
        r#"{"resourceType":"Patient","id":"2","x":01}"#,
        r#"{"resourceType":"Patient","id":"2","x":NaN}"#,
        r#"{"resourceType":"Patient","id":"2","name":[{"family":"it\'s"}]}"#,
        r#"{"resourceType":"Patient","id":"2","name":[{"family":"said "so" twice"}]}"#,
        r#"{"resourceType":"Patient","id":"2","name":[{"family":"5" pipe"}]}"#,
        r#"{"resourceType":"Patient","id":"2","name":[{"family":"x"]}"#,
        r#"{"resourceType":"Patient","id":"2","name":[{"family":"x"}}"#,
        r#"{"resourceType":"Patient","id":"2" "x":1}"#,
        r#"{"resourceType":"Patient","id":"2",}"#,
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    bad.push(b"{\"resourceType\":\"Patient\",\"id\":\"2\",\"name\":[{\"family\":\"K\xe4se\"}]}".to_vec());
    bad.push(deep("[", "]"));
    bad.push(deep("{\"a\":", "}"));
    bad
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn shown(rejected: &Rejected) -> String {
    format!("{rejected:?} {}", rejected.reason())
}

#[test]
fn a_bad_entry_of_a_bundle_costs_itself_only() {
    for (number, bad) in bad().iter().enumerate() {
        let text = String::from_utf8_lossy(bad);
        let entry = joined(&[b"{\"fullUrl\":\"u\",\"resource\":", bad, b"}"]);
        let first = joined(&[b"{\"resource\":", GOOD[0].as_bytes(), b"}"]);
        let last = joined(&[b"{\"fullUrl\":\"v\",\"resource\":", GOOD[1].as_bytes(), b"}"]);
        for order in [
            [&first, &entry, &last],
            [&entry, &first, &last],
            [&first, &last, &entry],
        ] {
            let list = order.map(|part| &part[..]).join(&b",\n "[..]);
            let page = joined(&[
                b"{\"resourceType\":\"Bundle\",\"entry\":[",
                &list,
                b"],\"link\":[{\"relation\":\"next\",\"url\":\"n\"}]}",
            ]);
            let cracked = crack(&page);
            assert_eq!(
                lines(&cracked.batches[0]),
                ["[1]1|-", "[1]3|-"],
                "{number}: {text}"
            );
            assert_eq!(cracked.summary.entries, 3, "{text}");
            let [rejected] = &cracked.rejected[..] else {
                panic!("{text}: {:?}", cracked.rejected);
            };
            let kept = String::from_utf8_lossy(rejected.bytes()).into_owned();
            assert!(rejected.bytes().starts_with(&entry[..entry.len() - 1]), "{kept}");
            assert_eq!(rejected.resource(), Some("Patient"));
            assert!(!shown(rejected).contains("family"), "{}", shown(rejected));
        }
    }
}

#[test]
fn a_bad_line_costs_itself_only_and_is_named_by_its_number() {
    let mut cases = bad();
    for cut in [
        r#"{"resourceType":"Patient","id":"2","name":[{"fam"#,
        r#"{"resourceType":"Patient","id":"2","x":{"y":1"#,
        r#"{"resourceType":"Patient","id":"2","x":"#,
        r#"{"resourceType":"Other","x":{"y":"z"#,
        "{",
        "}",
        "x",
        "null",
    ] {
        cases.push(cut.as_bytes().to_vec());
    }
    for bad in cases {
        let text = String::from_utf8_lossy(&bad).into_owned();
        for end in [&b"\n"[..], b"\r\n"] {
            let page = joined(&[GOOD[0].as_bytes(), end, &bad, end, GOOD[1].as_bytes(), end]);
            for (rows, rejected) in [7, 64, 100_000].map(|size| pushed(&page, size)) {
                assert_eq!(rows, ["[1]1|-", "[1]3|-"], "{text}");
                assert_eq!(rejected.len(), 1, "{text}");
                assert_eq!(rejected[0].place().line, 2, "{text}");
                assert_eq!(rejected[0].reason().place().unwrap().line, 2, "{text}");
                assert_eq!(rejected[0].bytes().trim_ascii(), bad, "{text}");
            }
        }
    }
}

#[test]
fn a_bad_entry_of_an_xml_bundle_costs_itself_only() {
    for bad in [
        &b"<Patient><id value=\"2\"/><name></Patient>"[..],
        b"<Patient><id value=\"2\"/><name><family value=\"&nbsp;\"/></name></Patient>",
        b"<Patient><id value=\"2\"/><name><family value=\"a < b\"/></name></Patient>",
        b"<Patient><id value=\"2\"/><name><family value=\"K\xe4se\"/></name></Patient>",
        b"<Patient><id value=\"2\"/><name><family value=\"&#x110000000;\"/></name></Patient>",
    ] {
        let text = String::from_utf8_lossy(bad).into_owned();
        for prefix in ["", "f:"] {
            let entry = |resource: &[u8]| {
                let tag = format!("<{prefix}entry><{prefix}resource>");
                let end = format!("</{prefix}resource></{prefix}entry>");
                joined(&[tag.as_bytes(), resource, end.as_bytes()])
            };
            let (first, wrong, last) = (
                entry(b"<Patient><id value=\"1\"/></Patient>"),
                entry(bad),
                entry(b"<Patient><id value=\"3\"/></Patient>"),
            );
            for order in [
                [&first, &wrong, &last],
                [&wrong, &first, &last],
                [&first, &last, &wrong],
            ] {
                let list = order.map(|part| &part[..]).concat();
                let page = joined(&[
                    format!("<{prefix}Bundle xmlns=\"http://hl7.org/fhir\" xmlns:f=\"http://hl7.org/fhir\">")
                        .as_bytes(),
                    &list,
                    format!("</{prefix}Bundle>").as_bytes(),
                ]);
                let cracked = crack(&page);
                assert_eq!(
                    lines(&cracked.batches[0]),
                    ["[1]1|-", "[1]3|-"],
                    "{text} {prefix}"
                );
                assert_eq!(cracked.rejected.len(), 1, "{text}");
                assert_eq!(cracked.rejected[0].bytes(), wrong, "{text}");
                let (rows, rejected) = pushed(&page, 9);
                assert_eq!((rows.len(), rejected.len()), (2, 1), "{text}");
            }
        }
    }
}

#[test]
fn strict_checks_what_nobody_asks_for() {
    let mut strict = Options::default();
    strict.strict = true;
    for bad in [
        r#"{"resourceType":"Patient","id":"2","x":{"a":1,"a":2}}"#,
        r#"{"resourceType":"Patient","id":"2","x":[.5]}"#,
        r#"{"resourceType":"Patient","id":"2","x":{"a":"\'"}}"#,
        r#"{"resourceType":"Patient","id":"2","x":[1,]}"#,
        r#"{"resourceType":"Device","id":"2","x":[NaN]}"#,
        "{\"resourceType\":\"Patient\",\"id\":\"2\",\"x\":[\"a\tb\"]}",
    ] {
        let lax = crack(bad.as_bytes());
        assert_eq!(lax.rejected.len(), 0, "{bad}");
        for page in [
            bad.to_owned(),
            format!(r#"{{"resourceType":"Bundle","entry":[{{"resource":{bad}}}]}}"#),
        ] {
            let cracked = crack_with(page.as_bytes(), &plan(), strict.clone()).unwrap();
            assert_eq!(
                (cracked.rejected.len(), cracked.batches[0].rows()),
                (1, 0),
                "{page}"
            );
        }
    }
    let good = r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","id":"1","x":[{}, [], [1, {"a": null}], "\ud83d\ude00"]}}]}"#;
    assert_eq!(
        crack_with(good.as_bytes(), &plan(), strict).unwrap().batches[0].rows(),
        1
    );
}

#[test]
fn a_page_that_breaks_off_keeps_what_came_before() {
    let page = format!(
        r#"{{"resourceType":"Bundle","entry":[{{"resource":{}}},{{"resource":{}"#,
        GOOD[0],
        &GOOD[1][..20]
    );
    let cracked = crack(page.as_bytes());
    assert_eq!(
        (lines(&cracked.batches[0]), cracked.rejected.len()),
        (vec!["[1]1|-".to_owned()], 1)
    );
    let mut options = Options::default();
    options.faults = Faults::Refuse;
    assert!(crack_with(page.as_bytes(), &plan(), options).is_err());
}
