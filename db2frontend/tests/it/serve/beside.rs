//! The pages and a REDCap project over one hub: what is entered in one is seen in the other, and nothing unseen is lost.

use super::client::Client;
use super::site::Pages;
use crate::project::{export_to, import_from, start, value};

const FIELD: &str = "fall_gewicht_aktuell";

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_the_pages_goes_round_through_a_project() {
    let pages = Pages::new().await;
    let client = Client::signed_in(&pages).await;
    let server = start();
    export_to(&pages.t, &server).await.unwrap();
    let in_project = |case: u32| value(&server, "1", Some(("fall", case)), FIELD);
    let enter = async |case: u32, text: &str| {
        let told = client
            .fill(&format!("/record/1/fall/{case}"), &[(FIELD, text)])
            .await;
        assert_eq!(told.status, 303, "{}", told.text);
    };
    let in_hub = async |case: u32| pages.cell("fall", "1", Some(case), FIELD).await;
    assert_eq!((in_project(1).as_str(), in_project(2).as_str()), ("80.5", ""));

    // From the pages to the project, and back without a further version.
    enter(1, "81.5").await;
    let done = export_to(&pages.t, &server).await.unwrap();
    assert!(done.is_complete() && done.conflicts.is_empty(), "{done:?}");
    assert_eq!(in_project(1), "81.5");
    let before = pages.versions("fall").await;
    import_from(&pages.t, &server).await.unwrap();
    assert_eq!(pages.versions("fall").await, before);
    // What FHIR says returns, to both.
    pages.fhir(80.5).await;
    export_to(&pages.t, &server).await.unwrap();
    assert_eq!(
        (in_project(1).as_str(), in_hub(1).await.as_deref()),
        ("80.5", Some("80.5"))
    );

    // From the project to the pages; FHIR has no value here.
    server.edit(|p| p.edit("1", Some(("fall", 2)), FIELD, "66"));
    import_from(&pages.t, &server).await.unwrap();
    let page = client.get("/record/1/fall/2").await;
    assert!(page.text.contains("value=\"66\""), "{}", page.text);
    enter(2, "67").await;
    export_to(&pages.t, &server).await.unwrap();
    assert_eq!(in_project(2), "67");

    // Both at once: the project's is not written over before the hub has seen it.
    import_from(&pages.t, &server).await.unwrap();
    enter(2, "68").await;
    server.edit(|p| p.edit("1", Some(("fall", 2)), FIELD, "69"));
    export_to(&pages.t, &server).await.unwrap();
    assert_eq!(in_project(2), "69");
    import_from(&pages.t, &server).await.unwrap();
    assert_eq!(in_hub(2).await.as_deref(), Some("69"));
    export_to(&pages.t, &server).await.unwrap();
    assert_eq!(in_project(2), "69");
    // What was entered on the pages is still known, with whose it was.
    let changes = client.get("/record/1/fall/2/changes").await;
    assert!(changes.text.contains(">68<"), "{}", changes.text);
}
