//! Outlines: the elements asked for, with or without value, the same from JSON and XML.

use std::fmt::Write;
use std::sync::Arc;

use fhir_crack::outline::{NodeId, OutlinePlan};
use fhir_crack::{Decoder, Duplicates, Faults, Options, Plan, crack_with};

const NAMES: [&str; 12] = [
    "",
    "birthDate",
    "extension",
    "url",
    "valueString",
    "given",
    "name",
    "item",
    "contained",
    "id",
    "linkId",
    "answer",
];

fn plan() -> Arc<Plan> {
    let mut plan = OutlinePlan::default();
    let patient = plan.resource("Patient");
    let put = |plan: &mut OutlinePlan, node: NodeId, path: &str| {
        path.split('/').fold(node, |node, name| {
            let symbol = NAMES.iter().position(|n| *n == name).expect("a name") as u16;
            plan.child(node, name, symbol).expect("not deep")
        })
    };
    for path in [
        "id",
        "birthDate/extension/url",
        "birthDate/extension/valueString",
        "name/given/extension/url",
        "name/id",
        "contained/id",
        "contained/linkId",
    ] {
        put(&mut plan, patient, path);
    }
    let item = put(&mut plan, patient, "item");
    put(&mut plan, item, "linkId");
    let answer = put(&mut plan, item, "answer");
    plan.link(item, item);
    plan.link(answer, item);
    Arc::new(plan.finish())
}

/// The outline of the first resource: names, values and what is below in brackets.
fn outline(page: &str, batch_bytes: usize) -> String {
    let mut options = Options::default();
    options.duplicates = Duplicates::Keep;
    options.batch_bytes = batch_bytes;
    let mut decoder = Decoder::new(plan(), options);
    for piece in page.as_bytes().chunks(batch_bytes.min(7)) {
        decoder.push(piece).expect("well-formed");
    }
    decoder.end_page().expect("complete");
    let batch = decoder.next_batch().expect("a resource");
    let outline = batch.outline(0).expect("one");
    let mut out = String::new();
    let mut open: Vec<usize> = Vec::new();
    for item in 0..outline.len() {
        while open.last().is_some_and(|&end| end <= item) {
            open.pop();
            out.push(')');
        }
        let name = NAMES[usize::from(outline.symbol(item))];
        write!(out, " {name}").expect("memory");
        if let Some(text) = outline.text(item) {
            write!(out, "={text}").expect("memory");
        }
        if outline.end(item) > item + 1 {
            out.push('(');
            open.push(outline.end(item));
        }
    }
    out.push_str(&")".repeat(open.len()));
    out
}

#[test]
fn an_outline_has_what_is_asked_for_from_json_and_xml_alike() {
    for (json, xml, expected) in [
        (
            r#"{"resourceType":"Patient","id":"p","gender":"male","name":[{},{"id":"n","given":["a\nb","c"]}]}"#,
            "<Patient><id value=\"p\"/><gender value=\"male\"/><name><period/></name><name id=\"n\"><given value=\"a&#10;b\"/><given value=\"c\"/></name></Patient>",
            " ( id=p name name( id=n given=a\nb given=c))",
        ),
        (
            r#"{"resourceType":"Patient","birthDate":"2020","_birthDate":{"extension":[{"url":"u","valueString":"s"}]},"id":"p"}"#,
            "<Patient><birthDate value=\"2020\"><extension url=\"u\"><valueString value=\"s\"/></extension></birthDate><id value=\"p\"/></Patient>",
            " ( birthDate=2020( extension( url=u valueString=s)) id=p)",
        ),
        (
            r#"{"resourceType":"Patient","name":[{"_given":[null,{"extension":[{"url":"u"}]},{"id":"x"}],"given":["a",null,"c"]}]}"#,
            "<Patient><name><given value=\"a\"/><given><extension url=\"u\"/></given><given id=\"x\" value=\"c\"/></name></Patient>",
            " ( name( given=a given( extension( url=u)) given=c))",
        ),
        (
            r#"{"resourceType":"Patient","item":[{"linkId":"1","item":[{"linkId":"1.1","answer":[{"item":[{"linkId":"1.1.1"}]}]}]},{"linkId":"2"}]}"#,
            "<Patient><item><linkId value=\"1\"/><item><linkId value=\"1.1\"/><answer><item><linkId value=\"1.1.1\"/></item></answer></item></item><item><linkId value=\"2\"/></item></Patient>",
            " ( item( linkId=1 item( linkId=1.1 answer( item( linkId=1.1.1)))) item( linkId=2))",
        ),
        (
            r#"{"resourceType":"Patient","contained":[{"resourceType":"List","id":"c"}],"id":"p"}"#,
            "<Patient><contained><List><id value=\"c\"/></List></contained><id value=\"p\"/></Patient>",
            " ( contained=List( id=c) id=p)",
        ),
        (r#"{"resourceType":"Patient"}"#, "<Patient/>", " "),
        (
            r#"{"resourceType":"Patient","name":"x"}"#,
            "<Patient><name value=\"x\"/></Patient>",
            " ( name=x)",
        ),
    ] {
        assert_eq!(outline(json, 1 << 16), expected, "{json}");
        assert_eq!(outline(xml, 1 << 16), expected, "{xml}");
        assert_eq!(outline(json, 1), expected, "in pieces: {json}");
        let prefixed = xml
            .replace("</", "</f:")
            .replace('<', "<f:")
            .replace("<f:/f:", "</f:");
        let prefixed = prefixed.replacen("<f:Patient", "<f:Patient xmlns:f=\"http://hl7.org/fhir\"", 1);
        assert_eq!(outline(&prefixed, 1 << 16), expected, "as a tree: {prefixed}");
    }
}

#[test]
fn elements_count_towards_the_limit_of_entries() {
    let names = ["{}"; 200].join(",");
    let page = format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#);
    let xml = format!("<Patient>{}</Patient>", "<name><period/></name>".repeat(200));
    for page in [page, xml] {
        let mut options = Options::default();
        options.duplicates = Duplicates::Keep;
        options.limits.entries = 100;
        options.faults = Faults::Refuse;
        crack_with(page.as_bytes(), &plan(), options).expect_err("200 elements");
    }
}
