//! The pages in a real browser, by keyboard, wide and narrow, light and dark.

use test_browser::{Chromium, looked_at};

use super::site::{ANNA, Pages};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_filled_in_by_keyboard_and_the_hub_has_it() {
    let pages = Pages::new().await;
    let Some(mut browser) = tokio::task::block_in_place(Chromium::open) else {
        return;
    };
    let base = format!("http://{}", pages.address);
    tokio::task::block_in_place(|| {
        browser.size(1280, 900, false);
        browser.go(&format!("{base}/"));
        assert_eq!(browser.value("location.pathname"), "/login");
        looked_at(&mut browser, "1-login");
        browser.tab_to("#f-name");
        browser.text(ANNA.0);
        browser.key("Tab");
        browser.text(ANNA.1);
        browser.key("Enter");
        browser.until("location.pathname === '/' && document.readyState === 'complete'");
        looked_at(&mut browser, "2-cases");
        browser.tab_to("a[href='/record/1/fall/1']");
        browser.key("Enter");
        browser.until("location.pathname === '/record/1/fall/1' && document.readyState === 'complete'");
        looked_at(&mut browser, "3-case");
        // The browser takes the moment that the hub has.
        assert_eq!(
            browser.value("document.querySelector('#f-fall_aufn_dat').value"),
            "2026-01-01T10:00"
        );
        browser.tab_to("#f-fall_gewicht_aktuell");
        browser.value("document.activeElement.select()");
        browser.text("82.5");
        browser.key("Enter");
        browser.until("location.search === '?saved=1' && document.readyState === 'complete'");
    });
    assert_eq!(
        pages
            .cell("fall", "1", Some(1), "fall_gewicht_aktuell")
            .await
            .as_deref(),
        Some("82.5")
    );
    assert_eq!(
        pages.cell("fall", "1", Some(1), "fall_aufn_dat").await.as_deref(),
        Some("2026-01-01 10:00:00")
    );
    tokio::task::block_in_place(|| {
        browser.go(&format!("{base}/record/1"));
        looked_at(&mut browser, "4-record");
        browser.go(&format!("{base}/record/1/medikationsanalyse/new"));
        let note = "document.querySelector('[data-field=meda_notiz]').hidden";
        assert_eq!(browser.value(note), true);
        browser.tab_to("#f-meda_typ");
        browser.key("ArrowDown");
        browser.tab_to("[name=meda_mrp_detekt]");
        browser.value("document.querySelector('[name=meda_mrp_detekt][value=\"1\"]').focus()");
        browser.key(" ");
        browser.until("document.querySelector('[data-field=meda_notiz]').hidden === false");
        assert_eq!(
            browser.value("document.querySelector('h2[data-section=meda_notiz]').hidden"),
            false
        );
        browser.tab_to("#f-meda_notiz");
        browser.text("found 🩺 \"this\"\nand that");
        looked_at(&mut browser, "5-review");
        browser.tab_to(".actions button[type=submit]");
        browser.key("Enter");
        browser.until(
            "location.pathname === '/record/1/medikationsanalyse/1' && document.readyState === 'complete'",
        );
        browser.go(&format!("{base}/record/1/fall/1/changes"));
        looked_at(&mut browser, "6-changes");
        browser.go(&format!("{base}/record/2/fall/1"));
        assert_ne!(browser.value("document.title"), "owned");
        looked_at(&mut browser, "7-hostile");
    });
    let note = pages.cell("medikationsanalyse", "1", Some(1), "meda_notiz").await;
    assert_eq!(note.as_deref(), Some("found 🩺 \"this\"\nand that"));
    // The next run of the dataprocessor: FHIR's value returns, what only people write stays.
    pages.fhir(80.5).await;
    tokio::task::block_in_place(|| {
        browser.go(&format!("{base}/record/1/fall/1"));
        assert_eq!(
            browser.value("document.querySelector('#f-fall_gewicht_aktuell').value"),
            "80.5"
        );
        browser.go(&format!("{base}/record/1/medikationsanalyse/1"));
        assert_eq!(
            browser.value("document.querySelector('#f-meda_notiz').value"),
            "found 🩺 \"this\"\nand that"
        );
    });
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
}
