use fhir_crack::crack;

use crate::tables::{description, lines};

/// Each: what the case shows, columns of Patient, page, rows expected.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
);

const CASES: &[Case] = &[
    (
        "every repetition with its index",
        &["id", "name/given", "name/family"],
        r#"{"resourceType":"Patient","id":"p1","name":[{"given":["Marie","Anne"],"family":"Curie"},{"given":["Lea"]}]}"#,
        &["[1]p1|[1.1]Marie ~ [1.2]Anne ~ [2.1]Lea|[1.1]Curie"],
    ),
    (
        "null and an element without value advance the index",
        &["id", "name/given"],
        r#"{"resourceType":"Patient","id":"p","name":[{"given":["A",null,"C"],"_given":[null,{"id":"x"},null]}]}"#,
        &["[1]p|[1.1]A ~ [1.3]C"],
    ),
    (
        "numbers and booleans as written",
        &["id", "multipleBirthInteger", "active", "x"],
        r#"{"resourceType":"Patient","id":"p","multipleBirthInteger": 1.50 ,"active":true,"x":-0.1E+2}"#,
        &["[1]p|[1]1.50|[1]true|[1]-0.1E+2"],
    ),
    (
        "extensions of primitives, url as the value of an extension",
        &[
            "id",
            "birthDate",
            "birthDate/extension",
            "birthDate/extension/valueDateTime",
            "extension/extension",
        ],
        r#"{"resourceType":"Patient","id":"p","birthDate":"1970-01-01","_birthDate":{"extension":[{"url":"http://x/t","valueDateTime":"1970-01-01T10:00:00Z"}]},"extension":[{"url":"a"},{"url":"b","extension":[{"url":"c"}]}]}"#,
        &["[1]p|[1]1970-01-01|[1.1]http://x/t|[1.1.1]1970-01-01T10:00:00Z|[2.1]c"],
    ),
    (
        "contained resources are elements below the resource, their type a segment",
        &["id", "contained/Medication/code/text"],
        r#"{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o"},{"id":"m","code":{"text":"x"},"resourceType":"Medication"}],"id":"p"}"#,
        &["[1]p|[2.1.1.1]x"],
    ),
    (
        "escapes",
        &["id", "name/text"],
        r#"{"resourceType":"Patient","id":"p","name":[{"text":"a\"b\\c\/d\n\u00e4\ud83d\ude00 ~ [1.1]e"}]}"#,
        &["[1]p|[1.1]a\"b\\c/d\nä😀 ~ [1.1]e"],
    ),
    (
        "one resource a line, blank lines, the type not first",
        &["id"],
        "{\"resourceType\":\"Patient\",\"id\":\"1\"}\r\n\n{\"id\":\"2\",\"resourceType\":\"Patient\"}\n{\"resourceType\":\"Group\",\"id\":\"3\"}",
        &["[1]1", "[1]2"],
    ),
    (
        "a Bundle, pretty-printed, its type last",
        &["id"],
        "{ \"total\" : 2 , \"entry\" : [ { \"fullUrl\" : \"u\" , \"resource\" : { \"resourceType\" : \"Patient\" , \"id\" : \"1\" } , \"search\" : { \"mode\" : \"match\" } } , { } , { \"resource\" : { \"id\" : \"2\", \"resourceType\" : \"Patient\" } } ] , \"resourceType\" : \"Bundle\" }",
        &["[1]1", "[1]2"],
    ),
    (
        "equal rows are merged",
        &["id"],
        "{\"resourceType\":\"Patient\",\"id\":\"1\"}{\"resourceType\":\"Patient\",\"id\":\"1\"}",
        &["[1]1"],
    ),
    (
        "rows without an id column are told apart by the id",
        &["gender"],
        "{\"resourceType\":\"Patient\",\"id\":\"1\",\"gender\":\"male\"}{\"resourceType\":\"Patient\",\"id\":\"2\",\"gender\":\"male\"}",
        &["[1]male", "[1]male"],
    ),
    (
        "a list",
        &["id"],
        "{\"resourceType\":\"List\",\"entry\":[{\"item\":{}}]}",
        &[],
    ),
];

#[test]
fn json_pages_give_these_rows() {
    for (name, paths, page, rows) in CASES {
        let cracked = crack(page.as_bytes(), &description(&[("Patient", paths)])).expect(name);
        assert_eq!(lines(&cracked.batches[0]), *rows, "{name}");
        let summary = &cracked.summary;
        let taken: u64 = summary.tables.iter().map(|t| t.resources).sum();
        let left = summary.no_resource + summary.no_type + summary.outcomes + summary.other_type();
        assert_eq!(summary.entries, taken + left, "{name}: {summary:?}");
        for table in &summary.tables {
            assert_eq!(
                table.resources,
                table.rows + table.no_value + table.duplicates,
                "{name}: {table:?}"
            );
        }
    }
}
