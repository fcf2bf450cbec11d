//! A slow extractor that is right at a glance: every path of every table is looked up on its own in a tree.

use std::collections::HashSet;

use table_description::{Description, TableDescription};

use crate::simple_json::Json;

/// The rows of a table, cells in the default notation.
pub(crate) fn rows(table: &TableDescription, resources: &[Json]) -> Vec<Vec<Option<String>>> {
    let mut seen = HashSet::new();
    resources
        .iter()
        .filter(|r| r.get("resourceType").and_then(Json::text) == table.resource.as_deref())
        .map(|resource| {
            table
                .columns
                .iter()
                .map(|c| cell(resource, c.path().as_str()))
                .collect::<Vec<_>>()
        })
        .filter(|row| row.iter().any(Option::is_some))
        .filter(|row| seen.insert(row.clone()))
        .collect()
}

/// All tables of a description.
pub(crate) fn tables(description: &Description, resources: &[Json]) -> Vec<Vec<Vec<Option<String>>>> {
    description
        .resources()
        .map(|table| rows(table, resources))
        .collect()
}

fn cell(resource: &Json, path: &str) -> Option<String> {
    let segments: Vec<&str> = path.split('/').collect();
    let mut values = Vec::new();
    collect(resource, &segments, "", &mut values);
    let values: Vec<String> = values
        .into_iter()
        .map(|(index, text)| format!("[{index}]{text}"))
        .collect();
    (!values.is_empty()).then(|| values.join(" ~ "))
}

fn collect(json: &Json, segments: &[&str], index: &str, values: &mut Vec<(String, String)>) {
    let (name, rest) = segments.split_first().unwrap();
    if let Some(inside) = json.get("resourceType").filter(|_| !index.is_empty()) {
        // A contained resource: its type is a segment.
        if inside.text() == Some(*name) && !rest.is_empty() {
            collect_member(json, rest, &format!("{index}.1"), values);
        }
        return;
    }
    collect_member(json, segments, index, values);
}

fn collect_member(json: &Json, segments: &[&str], index: &str, values: &mut Vec<(String, String)>) {
    let (name, rest) = segments.split_first().unwrap();
    if *name == "id" && json.get("resourceType").is_none() {
        return; // An attribute in XML.
    }
    for key in [(*name).to_owned(), format!("_{name}")] {
        for (place, value) in json
            .get(&key)
            .map(Json::repetitions)
            .unwrap_or_default()
            .into_iter()
            .enumerate()
        {
            let dot = if index.is_empty() { "" } else { "." };
            let index = format!("{index}{dot}{}", place + 1);
            match value {
                Json::Text(text) | Json::Literal(text) if rest.is_empty() && key == *name => {
                    values.push((index, text.clone()));
                }
                Json::Object(_) if !rest.is_empty() => collect(value, rest, &index, values),
                Json::Object(_) if name.ends_with("xtension") => {
                    values.extend(
                        value
                            .get("url")
                            .and_then(Json::text)
                            .map(|url| (index, url.to_owned())),
                    );
                }
                _ => {}
            }
        }
    }
}
