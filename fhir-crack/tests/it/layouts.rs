//! Tables laid out as fhircrackr lays them out, quirks included.

use fhir_crack::{Attributes, Duplicates, ErrorKind, Layout, Notation, Options, Plan, TextTable, crack_with};
use std::sync::Arc;

use crate::tables::description;

/// A page of XML as fhircrackr's functions see it.
fn exact(
    paths: &[&str],
    page: &str,
    change: impl Fn(&mut Options, &mut Layout),
) -> Result<TextTable, ErrorKind> {
    let description = description(&[("Patient", paths)]);
    let mut options = Options::default();
    options.attributes = Attributes::All;
    options.refuse_shared_values = true;
    let mut layout = Layout::new(Notation::new("[", "]", ":::"));
    layout.exact = true;
    change(&mut options, &mut layout);
    let plan = Arc::new(Plan::new(&description).map_err(|e| e.kind().clone())?);
    let page = format!("<Bundle>{page}</Bundle>");
    let cracked = crack_with(page.as_bytes(), &plan, options).map_err(|e| e.kind().clone())?;
    layout
        .lay_out(&description.tables[0], &cracked.batches)
        .map_err(|e| e.kind().clone())
}

fn patient(content: &str) -> String {
    format!("<entry><resource><Patient>{content}</Patient></resource></entry>")
}

fn row(table: &TextTable, row: usize) -> Vec<&str> {
    table.rows[row]
        .iter()
        .map(|cell| cell.as_deref().unwrap_or("NA"))
        .collect()
}

fn unchanged(_: &mut Options, _: &mut Layout) {}

#[test]
fn digits_of_element_names_stand_in_the_index_also_behind_predicates() {
    let page = patient("<extension url=\"u\"><valueBase64Binary value=\"QQ==\"/></extension>");
    for path in [
        "extension/valueBase64Binary",
        "extension[@url='u1/2'or 1=1]/valueBase64Binary",
    ] {
        let table = exact(&[path], &page, unchanged).expect(path);
        assert_eq!(row(&table, 0), ["[1.64.1]QQ=="], "{path}");
    }
}

#[test]
fn attributes_of_the_resource_itself_have_a_column_named_as_data_table_names_it() {
    let page = "<entry><resource><Patient id=\"x\"><active value=\"true\"/></Patient></resource></entry>";
    let table = exact(&[], page, unchanged).expect("a table");
    assert_eq!(table.names, ["V1", "active"]);
    assert_eq!(row(&table, 0), ["[]x", "[1]true"]);
}

#[test]
fn columns_of_attributes_stand_before_those_not_found() {
    let page = patient("<id value=\"1\"/><name id=\"n\"><family value=\"F\"/></name>");
    let separate = |options: &mut Options, _: &mut Layout| options.attributes = Attributes::Separate;
    let table = exact(&["birthDate", "name/family", "name", "id"], &page, separate).expect("a table");
    assert_eq!(
        table.names,
        ["id@value", "name/family@value", "name@id", "birthDate"]
    );
}

#[test]
fn columns_named_like_the_hidden_one_are_lost() {
    let page = patient("<id value=\"1\"/><gender value=\"male\"/><active value=\"true\"/>");
    let named = |name: &str, paths: &[&str]| {
        let mut description = description(&[("Patient", paths)]);
        Arc::make_mut(&mut description.tables[0]).columns[0].name = name.to_owned();
        let plan = Arc::new(Plan::new(&description).expect("a plan"));
        let page = format!("<Bundle>{page}</Bundle>");
        let cracked = crack_with(page.as_bytes(), &plan, Options::default()).expect("a page");
        let mut layout = Layout::new(Notation::default());
        layout.exact = true;
        layout
            .lay_out(&description.tables[0], &cracked.batches)
            .expect("a table")
    };
    assert_eq!(row(&named("dummy2", &["gender", "active"]), 0), ["NA", "[1]true"]);
    assert_eq!(
        row(&named("a_dummy", &["gender", "active"]), 0),
        ["[1]male", "[1]true"]
    );
    assert_eq!(row(&named("dummy2", &["gender", "id"]), 0), ["[1]male", "[1]1"]);
}

#[test]
fn rows_that_show_the_same_text_are_one_where_nothing_hidden_tells_them_apart() {
    let one =
        patient("<identifier><value value=\"A\"/></identifier><identifier><value value=\"B\"/></identifier>");
    let other = patient("<identifier><value value=\"A:::B\"/></identifier>");
    let plain = |_: &mut Options, layout: &mut Layout| layout.notation = Notation::without_brackets(":::");
    let page = format!("{one}{other}");
    assert_eq!(
        exact(&["identifier/value"], &page, plain)
            .expect("a table")
            .rows
            .len(),
        1
    );
    assert_eq!(
        exact(&["identifier/value"], &page, unchanged)
            .expect("a table")
            .rows
            .len(),
        2
    );
    let kept = |options: &mut Options, layout: &mut Layout| {
        options.duplicates = Duplicates::Keep;
        layout.exact = false;
    };
    let twice = format!("{one}{one}");
    assert_eq!(
        exact(&["identifier/value"], &twice, kept)
            .expect("a table")
            .rows
            .len(),
        2
    );
}

#[test]
fn two_columns_of_one_name_or_of_one_value_are_refused() {
    let page = patient("<id value=\"1\"/><name><family value=\"F\"/></name>");
    for paths in [
        &["name/family", "*/family"][..],
        &["id", "*"],
        &[".//family", "name/family"],
    ] {
        let refused = exact(paths, &page, unchanged);
        assert!(matches!(refused, Err(ErrorKind::Settings(_))), "{paths:?}");
        let allowed = |options: &mut Options, _: &mut Layout| options.refuse_shared_values = false;
        assert!(exact(paths, &page, allowed).is_ok(), "{paths:?}");
    }
    assert!(
        exact(&["name/family", "name"], &page, unchanged).is_ok(),
        "an element without attributes"
    );
    let same = exact(&["id", "id"], &page, |options, _| {
        options.refuse_shared_values = false;
    });
    assert!(matches!(same, Err(ErrorKind::Settings(_))));
}

#[test]
fn an_element_found_on_two_ways_is_taken_once() {
    let inner = "<extension url=\"b\"><extension url=\"c\"><valueCode value=\"x\"/></extension></extension>";
    let page = patient(&format!(
        "<id value=\"1\"/><extension url=\"a\">{inner}</extension>"
    ));
    let table = exact(&[".//extension//valueCode"], &page, unchanged).expect("a table");
    assert_eq!(row(&table, 0), ["[1.1.1.1]x"]);
}
