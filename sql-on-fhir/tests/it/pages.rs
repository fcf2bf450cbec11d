//! What a page that fails leaves to the next one: nothing.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sql_on_fhir::{ErrorKind, Run, RunOptions, ViewDefinition, Views};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("as it should").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn views() -> Views {
    let view = json!({"name": "names", "resource": "Patient", "select": [{"column": [
        {"name": "id", "path": "id"}, {"name": "family", "path": "name.family"}]}]});
    Views::new(&[ViewDefinition::from_value(&view).expect("as it should")]).expect("as it should")
}

fn patient(id: &str, names: &[&str]) -> String {
    let names: Vec<Value> = names.iter().map(|name| json!({"family": name})).collect();
    json!({"resourceType": "Patient", "id": id, "name": names}).to_string() + "\n"
}

/// The rows of pages and the error of each.
fn run(threads: usize, pages: &[&str]) -> (String, Vec<Option<sql_on_fhir::Error>>) {
    let views = views();
    let kept = Kept::default();
    let mut options = RunOptions::default();
    options.threads = threads;
    options.header = false;
    let mut run = Run::new(&views, options, &mut |_| Ok(Box::new(kept.clone()))).expect("as it should");
    let errors = pages.iter().map(|page| run.read(page.as_bytes()).err()).collect();
    run.finish().expect("as it should");
    let rows = String::from_utf8(kept.0.lock().expect("as it should").clone()).expect("as it should");
    (rows, errors)
}

/// Longer than what is read at a time, so that the fault comes amid a line.
fn long(first: &str) -> String {
    (0..9000).fold(first.to_owned(), |page, n| {
        page + &patient(&format!("a{n}"), &["x"])
    })
}

#[test]
fn a_resource_that_does_not_fit_costs_the_next_page_nothing() {
    let misfit = long(&patient("two", &["x", "y"]));
    let next = patient("next", &["z"]);
    for threads in [1, 2] {
        let (rows, errors) = run(threads, &[&misfit, &next]);
        let [Some(misfit), None] = &errors[..] else {
            panic!("{threads} threads: {errors:?}");
        };
        assert!(matches!(misfit.kind(), ErrorKind::Resource { .. }), "{misfit:?}");
        assert!(rows.ends_with("next,z\n"), "{threads} threads");
    }
}

/// A line set aside is the error of its own page only, also where something else ends that page.
#[test]
fn what_was_set_aside_is_told_of_its_own_page() {
    let broken = format!("{{\"resourceType\":\"Patient\",}}\n{}", patient("behind", &["x"]));
    let both = long(&format!("{broken}{}", patient("two", &["x", "y"])));
    let next = patient("next", &["z"]);
    for threads in [1, 2] {
        let (rows, errors) = run(threads, &[&broken, &next, &both, &next]);
        assert!(
            rows.starts_with("behind,x\nnext,z\n"),
            "{threads} threads: {rows}"
        );
        assert!(rows.ends_with("next,z\n"), "{threads} threads");
        let [Some(first), None, Some(_), None] = &errors[..] else {
            panic!("{threads} threads: {errors:?}");
        };
        assert!(
            matches!(first.kind(), ErrorKind::SetAside { parts: 1, .. }),
            "{first:?}"
        );
    }
}
