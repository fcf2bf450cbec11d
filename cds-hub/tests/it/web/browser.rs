//! The pages in a real browser, by keyboard, wide and narrow, light and dark.

use test_browser::{Chromium, looked_at};

use super::site::{MARKER, PASSWORD, Site};
use crate::sql::{one, run};

const HERE: &str = "document.readyState === 'complete' && location.pathname";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_morning_by_keyboard() {
    let site = Site::new(20).await;
    let anna = site.person("anna", Some(&["--values"])).await;
    // Numbers as a hospital has them, and a table with a long name.
    run(
        &site.hub,
        "UPDATE core.import_rows SET new_count = 1234567890 WHERE table_name = 'patient_raw';
         INSERT INTO cds2db_in.medicationadministration_raw (medadm_id) VALUES ('[1]m1');
         SELECT db.copy_raw_cds_in_to_db_log()",
    )
    .await;
    let id = one(&site.hub, "SELECT max(patient_id) FROM core.patient").await;
    let Some(mut browser) = tokio::task::block_in_place(Chromium::open) else {
        return;
    };
    let base = format!("http://{}", site.address);
    tokio::task::block_in_place(|| {
        let browser = &mut browser;
        browser.size(1280, 900, false);
        browser.go(&format!("{base}/"));
        assert_eq!(browser.value("location.pathname"), "/login");
        looked_at(browser, "hub-1-login");
        browser.tab_to("#f-name");
        browser.text(&anna);
        browser.key("Tab");
        browser.text(PASSWORD);
        browser.key("Enter");
        browser.until(&format!("{HERE} === '/'"));
        looked_at(browser, "hub-2-overview");
        for (path, name) in [
            ("/tables", "hub-3-tables"),
            ("/refused", "hub-4-refused"),
            ("/search", "hub-5-search"),
        ] {
            browser.tab_to(&format!("nav a[href='{path}']"));
            browser.key("Enter");
            browser.until(&format!("{HERE} === '{path}'"));
            assert_eq!(
                browser.value("document.querySelector('[aria-current]').pathname"),
                path
            );
            looked_at(browser, name);
        }
        browser.tab_to("#f-id");
        browser.text("Patient/p1");
        browser.key("Enter");
        let row = format!("a[href='/trace/patient/{id}']");
        browser.until(&format!(
            "{HERE} === '/search' && !!document.querySelector(\"{row}\")"
        ));
        assert_eq!(browser.value("location.search"), "", "no id in an address");
        looked_at(browser, "hub-6-found");
        browser.tab_to(&row);
        browser.key("Enter");
        browser.until(&format!("{HERE} === '/trace/patient/{id}'"));
        let shows = format!("document.body.innerText.includes('{MARKER}')");
        assert_eq!(browser.value(&shows), false);
        looked_at(browser, "hub-7-trace");
        browser.tab_to("main button[type=submit]");
        browser.key("Enter");
        browser.until(&format!("{HERE} && {shows}"));
        looked_at(browser, "hub-8-values");
        browser.tab_to("nav a[href='/as-of']");
        browser.key("Enter");
        browser.until(&format!("{HERE} === '/as-of'"));
        browser.tab_to("#f-table");
        browser.text("patient");
        browser.value("document.querySelector('#f-table').value = 'patient'");
        browser.tab_to("#f-moment");
        // What a keyboard writes into a field of this kind depends on the language of the browser.
        browser.value("document.querySelector('#f-moment').value = '2099-01-01T12:00'");
        browser.tab_to("#f-show");
        browser.key(" ");
        browser.tab_to(".actions button[type=submit]");
        browser.key("Enter");
        browser.until(&format!(
            "{HERE} === '/as-of' && document.querySelectorAll('details').length === 3"
        ));
        browser.tab_to("details summary");
        browser.key("Enter");
        browser.until("document.querySelector('details').open");
        looked_at(browser, "hub-9-past");
        // The last page again narrow, with the navigation by keyboard as well.
        browser.size(390, 900, true);
        browser.tab_to("header button[type=submit]");
        browser.key("Enter");
        browser.until(&format!("{HERE} === '/login'"));
        browser.go(&format!("{base}/tables"));
        assert_eq!(
            browser.value("location.pathname"),
            "/login",
            "the session has ended"
        );
    });
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
}
