//! What cannot be read costs itself and nothing else: the next entry or line goes on, the bad one is kept as it came.

use std::sync::Arc;

use fhir_crack::{
    Cracked, Decoder, Faults, ForeignBytes, Nested, Options, Plan, Rejected, Repaired, crack_with,
};

use crate::tables::{description, lines};

fn plan() -> Arc<Plan> {
    Arc::new(Plan::new(&description(&[("Patient", &["id", "name/family"])])).unwrap())
}

fn crack(page: &[u8]) -> Cracked {
    crack_with(page, &plan(), Options::default()).unwrap()
}

/// The rows of a page pushed in pieces of so many bytes.
fn pushed(page: &[u8], size: usize) -> (Vec<String>, Vec<Rejected>) {
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

const GOOD: [&str; 2] = [
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
fn what_can_be_read_without_a_guess_is_read_and_marked() {
    for (page, family, what) in [
        (
            r#"{"resourceType":"Patient","name":[{"family":"a\ud83d"}]}"#,
            "[1.1]a\u{fffd}",
            Repaired::Surrogate,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"family":"\ude00\ud83d\ude00"}]}"#,
            "[1.1]\u{fffd}\u{1f600}",
            Repaired::Surrogate,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"family":"a\u0000b"}]}"#,
            "[1.1]a\u{fffd}b",
            Repaired::Nul,
        ),
        (
            "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"a\0b\"}]}",
            "[1.1]a\u{fffd}b",
            Repaired::Nul,
        ),
        (
            r#"<Patient><name><family value="a&#0;b"/></name></Patient>"#,
            "[1.1]a\u{fffd}b",
            Repaired::Nul,
        ),
        (
            r#"<Patient><name><family value="a&#xD83D;b"/></name></Patient>"#,
            "[1.1]a\u{fffd}b",
            Repaired::Character,
        ),
    ] {
        let cracked = crack(page.as_bytes());
        assert_eq!(lines(&cracked.batches[0]), [format!("-|{family}")], "{page}");
        let repairs = cracked.batches[0].repairs();
        assert_eq!(
            (repairs.len(), repairs[0].row, repairs[0].column, repairs[0].what),
            (1, 0, 1, what),
            "{page}"
        );
        assert_eq!(
            (cracked.summary.repaired, cracked.summary.rejected),
            (1, 0),
            "{page}"
        );
    }
    let pair = r#"<Patient><name><family value="&#xD83D;&#xDE00;"/></name></Patient>"#;
    let cracked = crack(pair.as_bytes());
    assert_eq!(
        (lines(&cracked.batches[0]), cracked.summary.repaired),
        (vec!["-|[1.1]\u{1f600}".to_owned()], 0)
    );
    let mut options = Options::default();
    options.foreign_bytes = ForeignBytes::Latin1;
    let latin = b"{\"resourceType\":\"Patient\",\"id\":\"1\",\"name\":[{\"family\":\"K\xe4se\"}]}";
    let cracked = crack_with(latin, &plan(), options).unwrap();
    assert_eq!(lines(&cracked.batches[0]), ["[1]1|[1.1]K\u{e4}se"]);
    assert_eq!(cracked.batches[0].repairs()[0].what, Repaired::Latin1);
}

#[test]
fn marks_stay_with_their_rows() {
    let page = r#"{"resourceType":"Patient","id":"1"}
{"resourceType":"Patient","id":"1"}
{"resourceType":"Patient","id":"2","name":[{"family":"\ud83d"}]}"#;
    let cracked = crack(page.as_bytes());
    assert_eq!(cracked.batches[0].rows(), 2);
    assert_eq!(cracked.batches[0].repairs()[0].row, 1);
}

#[test]
fn files_joined_to_one_keep_their_marks_apart() {
    let mark = "\u{feff}";
    let json = format!("{mark}{}\n{mark}{}\n", GOOD[0], GOOD[1]);
    let xml = format!(
        "{mark}<?xml version=\"1.0\"?><Patient><id value=\"1\"/></Patient>\n{mark}<?xml version=\"1.0\"?><Patient><id value=\"3\"/></Patient>\n"
    );
    for page in [json, xml] {
        for (rows, rejected) in [5, 1000].map(|size| pushed(page.as_bytes(), size)) {
            assert_eq!(
                (rows, rejected.len()),
                (vec!["[1]1|-".to_owned(), "[1]3|-".to_owned()], 0),
                "{page}"
            );
        }
    }
}

#[test]
fn envelopes_of_other_forms() {
    let one = format!(r#"{{"resource":{}}}"#, GOOD[0]);
    let two = format!(r#"{{"resource":{}}}"#, GOOD[1]);
    for (page, next) in [
        (format!(r#"{{"resourceType":"Bundle","entry":{one}}}"#), None),
        (
            format!(r#"{{"resourceType":"Bundle","link":{{"relation":"Next","url":"n"}},"entry":[{one}]}}"#),
            Some("n"),
        ),
        (
            format!(
                r#"{{"resourceType":"Bundle","l\u0069nk":[{{"relation":["next"],"url":["n"]}}],"\u0065ntry":[{one}]}}"#
            ),
            Some("n"),
        ),
        (
            format!(
                r#"{{"resource\u0054ype":"Bund\u006ce","entry":[{{"r\u0065source":{}}}]}}"#,
                GOOD[0]
            ),
            None,
        ),
        (format!(r#"[{one_}]"#, one_ = GOOD[0]), None),
        (
            r#"<Bundle><link><relation value="NEXT"/><url value="n"/></link><entry><resource><Patient><id value="1"/></Patient></resource></entry></Bundle>"#.to_owned(),
            Some("n"),
        ),
    ] {
        let cracked = crack(page.as_bytes());
        assert_eq!(lines(&cracked.batches[0]), ["[1]1|-"], "{page}");
        assert_eq!(cracked.meta.next.as_deref(), next, "{page}");
    }
    let page = format!(
        r#" [ {}, {{"resourceType":"Bundle","entry":[{two}]}} ] "#,
        GOOD[0]
    );
    for bytes in [
        page.as_bytes().to_vec(),
        page.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        page.trim().encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "\u{feff}"
            .encode_utf16()
            .chain(page.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect(),
    ] {
        if bytes.starts_with(b" \0") {
            continue;
        }
        let cracked = crack(&bytes);
        assert_eq!(lines(&cracked.batches[0]), ["[1]1|-", "[1]3|-"]);
    }
    // What is no entry is set aside.
    let cracked = crack(format!(r#"{{"resourceType":"Bundle","entry":[1,{one},2]}}"#).as_bytes());
    assert_eq!((cracked.batches[0].rows(), cracked.rejected.len()), (1, 2));
}

#[test]
fn lists_in_lists_are_unwrapped_one_level() {
    let one = format!(r#"{{"resource":{}}}"#, GOOD[0]);
    let inner = format!(
        r#"{{"resourceType":"Bundle","entry":[{one},{{"resource":{{"resourceType":"Bundle","entry":[{one}]}}}}]}}"#
    );
    let json = format!(
        r#"{{"resourceType":"Bundle","entry":[{{"resource":{inner},"search":{{"mode":"match"}}}},{{"resource":{}}}]}}"#,
        GOOD[1]
    );
    let parameters = format!(
        r#"{{"resourceType":"Parameters","parameter":[{{"name":"a","resource":{}}},{{"name":"b","valueString":"x"}},{{"name":"c","resource":{}}}]}}"#,
        GOOD[0], GOOD[1]
    );
    let wrapped = format!(r#"{{"resourceType":"Bundle","entry":[{{"resource":{parameters}}}]}}"#);
    let xml = r#"<Bundle xmlns="http://hl7.org/fhir"><entry><fullUrl value="u"/><resource><Bundle><entry><resource><Patient><id value="1"/></Patient></resource></entry></Bundle></resource><search><mode value="match"/></search></entry>
        <entry><resource><Patient><id value="3"/></Patient></resource></entry></Bundle>"#;
    let xml_parameters = r#"<f:Bundle xmlns:f="http://hl7.org/fhir"><f:entry><f:resource><f:Parameters><f:parameter><f:name value="a"/><f:resource><f:Patient><f:id value="1"/></f:Patient></f:resource></f:parameter></f:Parameters></f:resource></f:entry>
        <f:entry><f:resource><f:Patient><f:id value="3"/></f:Patient></f:resource></f:entry></f:Bundle>"#;
    for (page, unwrapped) in [
        (&*json, 1),
        (&*parameters, 0),
        (&*wrapped, 1),
        (xml, 1),
        (xml_parameters, 1),
    ] {
        for size in [11, 100_000] {
            let (rows, rejected) = pushed(page.as_bytes(), size);
            assert_eq!(
                (rows, rejected.len()),
                (vec!["[1]1|-".to_owned(), "[1]3|-".to_owned()], 0),
                "{page}"
            );
        }
        assert_eq!(crack(page.as_bytes()).summary.unwrapped, unwrapped, "{page}");
    }
    let mut options = Options::default();
    options.nested = Nested::Keep;
    let kept = crack_with(json.as_bytes(), &plan(), options).unwrap();
    assert_eq!(
        (kept.batches[0].rows(), kept.summary.other_types["Bundle"]),
        (1, 1)
    );
}

#[test]
fn what_is_not_fhir_is_none() {
    for page in [
        r#"<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body/></soap:Envelope>"#,
        r#"<Patient xmlns="http://other.example/Patient"><id value="1"/></Patient>"#,
        "<html><body/></html>",
    ] {
        let cracked = crack(page.as_bytes());
        assert_eq!(
            (
                cracked.batches[0].rows(),
                cracked.rejected.len(),
                cracked.summary.other_type()
            ),
            (0, 1, 0),
            "{page}"
        );
        assert_eq!(cracked.rejected[0].place().line, 1);
    }
    for page in [
        r#"<Patient xmlns="http://hl7.org/fhir"><x:id xmlns:x="http://other" value="9"/><id value="1"/></Patient>"#,
        r#"<Patient xmlns="http://hl7.org/fhir"><id xmlns="http://other" value="9"/><id value="1"/></Patient>"#,
        r#"<Patient xmlns="http://hl7.org/fhir"><id value="1"/><name xmlns='http://other'><family value="x"/></name></Patient>"#,
        r#"<Bundle xmlns="http://hl7.org/fhir" xmlns:x="http://other"><entry><resource><Patient><x:id value="9"/><id value="1"/></Patient></resource></entry></Bundle>"#,
        r#"<f:Bundle xmlns:f="http://hl7.org/fhir" xmlns:x="http://other"><f:entry><f:resource><f:Patient><x:id value="9"/><f:id value="1"/></f:Patient></f:resource></f:entry></f:Bundle>"#,
    ] {
        assert_eq!(lines(&crack(page.as_bytes()).batches[0]), ["[1]1|-"], "{page}");
    }
}

#[test]
fn types_are_those_of_fhir_or_other() {
    let page = "{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"resourceType\":\"Muster \\u001b[2J\"}},{\"resource\":{\"resourceType\":\"x1\"}},{\"resource\":{\"resourceType\":\"Device\"}}]}";
    let cracked = crack(page.as_bytes());
    let types: Vec<(&str, u64)> = cracked
        .summary
        .other_types
        .iter()
        .map(|(name, n)| (&**name, *n))
        .collect();
    assert_eq!(types, [("Device", 1), ("other", 2)]);
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
