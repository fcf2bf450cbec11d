use fhir_crack::crack;

use crate::tables::{description, lines};

/// Each: what the case shows, page, rows expected of `id`, `name/given`, `name/text`, `extension`; `None` where the
/// resource is no XML and is set aside.
const CASES: &[(&str, &str, Option<&[&str]>)] = &[
    (
        "repetitions interleaved, elements without a value",
        "<Patient><id value='p'/><name><given value=\"A\"/><text value=\"t\"/><given/><given value=\"C\"/></name></Patient>",
        Some(&["[1]p|[1.1]A ~ [1.3]C|[1.1]t|-"]),
    ),
    (
        "prefixes",
        "<f:Bundle xmlns:f=\"http://hl7.org/fhir\"><f:entry><f:resource><f:Patient><f:id value=\"p\"/></f:Patient></f:resource></f:entry></f:Bundle>",
        Some(&["[1]p|-|-|-"]),
    ),
    (
        "comments, CDATA, instructions, blanks round the equals sign, an end tag with a blank",
        "<?xml version=\"1.0\"?><!-- <Bundle> --><Bundle><!-- c --><entry><!-- > --><resource><Patient><?x <id value=\"no\"/>?><id value = \"p\" /><![CDATA[<id value=\"no\"/>]]><name ><text value='a\"b'/></name ></Patient></resource></entry></Bundle><!-- end -->",
        Some(&["[1]p|-|[1.1]a\"b|-"]),
    ),
    (
        "references and normalised white space",
        "<Patient><id value=\"p\"/><name><text value=\"a&amp;b&lt;&#x41;&#10;&#9;tab\tline\r\nend\"/></name></Patient>",
        Some(&["[1]p|-|[1.1]a&b<A\n\ttab line end|-"]),
    ),
    (
        "narrative with the names of elements",
        "<Bundle><entry><resource><Patient><id value=\"p\"/><text><status value=\"generated\"/><div><id value=\"no\"/><p>x < y > z</p></div></text></Patient></resource></entry></Bundle>",
        None,
    ),
    (
        "narrative",
        "<Bundle><entry><resource><Patient><id value=\"p\"/><text><div xmlns=\"http://www.w3.org/1999/xhtml\"><div><name>it's \"x\"</name><br/></div></div></text><name><text value=\"t\"/></name></Patient></resource></entry></Bundle>",
        Some(&["[1]p|-|[1.1]t|-"]),
    ),
    (
        "extensions of a leaf, url as value, a name that begins like another",
        "<Patient><id value=\"p\"/><idx value=\"no\"/><extension url=\"u\"><valueString value=\"v\"/></extension><extension url=\"w\"/></Patient>",
        Some(&["[1]p|-|-|[1]u ~ [2]w"]),
    ),
    (
        "an empty Bundle",
        "<Bundle xmlns=\"http://hl7.org/fhir\"/>",
        Some(&[]),
    ),
];

#[test]
fn xml_pages_give_these_rows() {
    for (name, page, rows) in CASES {
        let paths = description(&[("Patient", &["id", "name/given", "name/text", "extension"])]);
        let cracked = crack(page.as_bytes(), &paths).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found: Vec<String> = cracked.batches.iter().flat_map(lines).collect();
        assert_eq!(found, rows.unwrap_or_default(), "{name}");
        assert_eq!(cracked.rejected.len(), usize::from(rows.is_none()), "{name}");
    }
}
