//! Bundles as the test server writes them.

use fhir_crack::search::{Format, Page};

/// A page of Patients with these ids.
pub(crate) fn bundle(format: Format, ids: &[usize], total: Option<usize>, next: Option<&str>) -> String {
    match format {
        Format::Json => {
            let total = total
                .map(|total| format!(r#""total":{total},"#))
                .unwrap_or_default();
            let link = next
                .map(|url| {
                    format!(
                        r#""link":[{{"relation":"next","url":{}}}],"#,
                        serde_json::json!(url)
                    )
                })
                .unwrap_or_default();
            let entries: Vec<String> = ids
                .iter()
                .map(|id| format!(r#"{{"resource":{{"resourceType":"Patient","id":"{id}"}},"search":{{"mode":"match"}}}}"#))
                .collect();
            format!(
                r#"{{"resourceType":"Bundle",{total}{link}"entry":[{}]}}"#,
                entries.join(",")
            )
        }
        Format::Xml => {
            let total = total
                .map(|total| format!(r#"<total value="{total}"/>"#))
                .unwrap_or_default();
            let link = next
                .map(|url| {
                    format!(
                        r#"<link><relation value="next"/><url value="{}"/></link>"#,
                        url.replace('&', "&amp;")
                    )
                })
                .unwrap_or_default();
            let entries: Vec<String> = ids
                .iter()
                .map(|id| {
                    format!(r#"<entry><resource><Patient><id value="{id}"/></Patient></resource></entry>"#)
                })
                .collect();
            format!(
                r#"<Bundle xmlns="http://hl7.org/fhir">{total}{link}{}</Bundle>"#,
                entries.concat()
            )
        }
    }
}

pub(crate) fn outcome(code: &str) -> String {
    format!(
        r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"error","code":"{code}","diagnostics":"MARKER"}}]}}"#
    )
}

/// The ids on the pages, in order, duplicates kept.
pub(crate) fn ids(pages: &[Page]) -> Vec<usize> {
    pages.iter().flat_map(page_ids).collect()
}

pub(crate) fn page_ids(page: &Page) -> Vec<usize> {
    let text = std::str::from_utf8(&page.bytes).expect("text");
    let (before, after) = match page.format {
        Format::Json => (r#""id":""#, '"'),
        Format::Xml => (r#"<id value=""#, '"'),
    };
    text.split(before)
        .skip(1)
        .map(|rest| rest.split(after).next().expect("id").parse().expect("number"))
        .collect()
}
