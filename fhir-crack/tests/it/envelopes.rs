//! Pages in envelopes of other forms give the resources that are in them; what is not FHIR's gives none.

use fhir_crack::{Nested, Options, crack_with};

use crate::recovery::{GOOD, crack, plan, pushed};
use crate::tables::lines;

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
