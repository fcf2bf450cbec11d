//! The demo ends in the pages: what is entered there is kept by the next run, or returned, by the rule.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::kill::program;
use test_browser::Chromium;

/// A demo whose pages are served.
struct Demo {
    child: Child,
    address: String,
    password: String,
}

impl Demo {
    fn start(directory: &Path) -> Self {
        let mut child = program(
            directory,
            "",
            &[
                "demo",
                "--dir",
                "demo",
                "--patients",
                "25",
                "--listen",
                "127.0.0.1:0",
            ],
        )
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
        let mut said = Vec::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = |wanted: &str| {
            lines
                .by_ref()
                .map(Result::unwrap)
                .inspect(|line| said.push(line.clone()))
                .find_map(|line| line.strip_prefix(wanted).map(|rest| rest.trim().to_owned()))
        };
        let (address, password) = (told("the case list "), told("password "));
        let (Some(address), Some(password)) = (address, password) else {
            panic!("the demo did not come to its pages: {said:#?}");
        };
        // What it says later is not read, and must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address,
            password,
        }
    }

    fn log_in(&self, browser: &mut Chromium) {
        browser.go(&format!("{}login", self.address));
        browser.tab_to("#f-name");
        browser.text("db2frontend_user");
        browser.key("Tab");
        browser.text(&self.password);
        browser.key("Enter");
        browser.until("location.pathname === '/' && document.readyState === 'complete'");
    }

    /// As Ctrl-C does.
    fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn value(browser: &mut Chromium, field: &str) -> String {
    let value = browser.value(&format!("document.querySelector('#f-{field}').value"));
    value.as_str().unwrap().to_owned()
}

fn enter(browser: &mut Chromium, field: &str, text: &str) {
    browser.tab_to(&format!("#f-{field}"));
    browser.value("document.activeElement.select()");
    browser.text(text);
}

fn save(browser: &mut Chromium) {
    browser.tab_to(".actions button[type=submit]");
    browser.key("Enter");
    browser.until("location.search.startsWith('?saved=') && document.readyState === 'complete'");
}

#[test]
fn the_demo_ends_in_the_pages_and_the_next_run_goes_by_the_rule() {
    let beside = Path::new(env!("CARGO_BIN_EXE_db2frontend")).with_file_name("cds2db");
    if !beside.exists() {
        x_skipped::skip!("cds2db is not built beside db2frontend, the demo was not run");
        return;
    }
    let Some(mut browser) = Chromium::open() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    browser.size(1280, 900, false);
    demo.log_in(&mut browser);
    browser.picture("demo-1-cases");
    let case = browser.value("document.querySelector('a[href*=\"/fall/\"]').getAttribute('href')");
    let case = case.as_str().unwrap().to_owned();
    let record = case.split('/').nth(2).unwrap().to_owned();
    browser.go(&format!("{}{}", demo.address, &case[1..]));
    let ward = value(&mut browser, "fall_station");
    assert!(ward.starts_with("Station "), "{ward}");
    enter(&mut browser, "fall_station", "Elsewhere");
    browser.picture("demo-2-case");
    save(&mut browser);
    assert_eq!(value(&mut browser, "fall_station"), "Elsewhere");
    browser.go(&format!("{}record/{record}/medikationsanalyse/new", demo.address));
    browser.tab_to("#f-meda_typ");
    browser.key("ArrowDown");
    browser.value("document.querySelector('[name=meda_mrp_detekt][value=\"1\"]').focus()");
    browser.key(" ");
    browser.until("document.querySelector('[data-field=meda_notiz]').hidden === false");
    enter(&mut browser, "meda_notiz", "dose \"checked\" 🩺");
    save(&mut browser);
    demo.stop();

    let demo = Demo::start(folder.path());
    demo.log_in(&mut browser);
    browser.go(&format!("{}{}", demo.address, &case[1..]));
    assert_eq!(
        value(&mut browser, "fall_station"),
        ward,
        "what FHIR says returns"
    );
    browser.go(&format!("{}record/{record}/medikationsanalyse/1", demo.address));
    assert_eq!(
        value(&mut browser, "meda_notiz"),
        "dose \"checked\" 🩺",
        "what only people write stays"
    );
    browser.go(&format!("{}{}/changes", demo.address, &case[1..]));
    browser.picture("demo-3-changes");
    let told = browser.value("document.body.innerText");
    let told = told.as_str().unwrap();
    assert!(
        told.contains("db2frontend_user") && told.contains("Elsewhere"),
        "{told}"
    );
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
    demo.stop();
}
