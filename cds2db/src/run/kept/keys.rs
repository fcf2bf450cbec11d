//! Texts that outlive a program: digests of them are kept in the hub and in directories of runs, so that what was loaded
//! is known again by the next version. They are written here piece by piece, never made from `Debug`, and tests pin them.

use std::fmt::Write;

use table_description::{MeltMode, TableDescription};

use crate::config::ResourceFilter;

/// A filter, in the words of the first version: its digest is part of the names of watermarks.
pub(crate) fn filter(filter: &ResourceFilter) -> String {
    let days = match filter.window_days {
        Some(days) => format!("Some({days})"),
        None => "None".to_owned(),
    };
    format!(
        "ResourceFilter {{ window_days: {days}, categories: {}, codes: {} }}",
        list(&filter.categories),
        list(&filter.codes)
    )
}

/// A table as far as it decides what becomes of a page.
pub(crate) fn table(table: &TableDescription) -> String {
    let mut key = format!(
        "{}|{}|{}|{}",
        table.name,
        table.resource.as_deref().unwrap_or_default(),
        table.prefix,
        melt(&table.melt)
    );
    for column in &table.columns {
        // Writing to a String cannot fail.
        let _ = write!(
            key,
            "\n{}|{}|{}|{}|{}|{}",
            column.name,
            column.path().as_str(),
            if column.is_calculated() {
                "calculated"
            } else {
                "element"
            },
            column.fhir_type.as_str(),
            if column.joined { "joined" } else { "melted" },
            list(&column.reference_targets)
        );
    }
    key
}

/// A mode that this program does not know yet would be another key than today's, never an equal one.
fn melt(mode: &MeltMode) -> String {
    match mode {
        MeltMode::Product => "product".to_owned(),
        MeltMode::Aligned => "aligned".to_owned(),
        MeltMode::Child => "child".to_owned(),
        MeltMode::Only(paths) => {
            let paths: Vec<String> = paths.iter().map(|path| path.as_str().to_owned()).collect();
            format!("only {}", list(&paths))
        }
        _ => "another".to_owned(),
    }
}

/// Texts in quotes, so that no two lists are written alike.
pub(crate) fn list(texts: &[String]) -> String {
    let quoted = |text: &String| {
        let mut quoted = String::from("\"");
        for c in text.chars() {
            match c {
                '\'' => quoted.push(c),
                c => quoted.extend(c.escape_debug()),
            }
        }
        quoted.push('"');
        quoted
    };
    format!("[{}]", texts.iter().map(quoted).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::digest;

    /// Another digest would load all filtered types from the beginning at every site.
    #[test]
    fn the_key_of_a_filter_is_pinned() {
        let cases = [
            (
                ResourceFilter::default(),
                "ResourceFilter { window_days: None, categories: [], codes: [] }",
            ),
            (
                ResourceFilter {
                    window_days: Some(30),
                    categories: vec!["laboratory".to_owned()],
                    codes: vec!["http://loinc.org|2160-0".to_owned(), "o'x \"y\"".to_owned()],
                },
                "ResourceFilter { window_days: Some(30), categories: [\"laboratory\"], \
                 codes: [\"http://loinc.org|2160-0\", \"o'x \\\"y\\\"\"] }",
            ),
        ];
        for (given, expected) in cases {
            assert_eq!(filter(&given), expected);
        }
        assert_eq!(
            digest(["ResourceFilter { window_days: None, categories: [], codes: [] }"]),
            PINNED
        );
    }

    const PINNED: u64 = 0x27fe6483f95dee13;

    #[test]
    fn the_key_of_a_table_names_every_column_once() {
        let description = table_description::default_description();
        let observation = description.table("observation").expect("a table");
        let key = table(observation);
        assert_eq!(key.lines().count(), observation.columns.len() + 1);
        assert!(key.starts_with("observation|Observation|"), "{key}");
        assert!(key.contains("|calculated|") && key.contains("|element|"), "{key}");
        let mut other = (**observation).clone();
        other.columns.pop();
        assert_ne!(table(&other), key);
    }
}
