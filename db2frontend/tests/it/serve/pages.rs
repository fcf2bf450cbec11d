//! Case list and forms: what they show, and what they write.

use super::client::Client;
use super::site::Pages;

#[tokio::test]
async fn the_list_shows_wards_patients_and_cases() {
    let pages = Pages::new().await;
    let client = Client::signed_in(&pages).await;
    let all = client.get("/").await;
    for text in [
        "3 of 3 cases",
        "Alpha, Anne",
        "1950-05-05",
        "F-1",
        "F-2",
        "F-3",
        "Ward A",
        "2026-01-01 10:00",
        "Unverified",
    ] {
        assert!(all.text.contains(text), "{text}");
    }
    for (query, shown, not) in [
        ("ward=Ward%20B", "F-2", "F-1<"),
        ("q=alpha+f-1", "F-1", "F-2<"),
        ("q=%20bert", "F-3", "F-1<"),
    ] {
        let told = client.get(&format!("/?{query}")).await;
        assert!(told.text.contains(shown) && !told.text.contains(not), "{query}");
    }
    let record = client.get("/record/1").await;
    for text in [
        "Alpha, Anne",
        "Female",
        "/record/1/fall/1",
        "/record/1/fall/2",
        "/record/1/medikationsanalyse/new",
        "/record/1/patient/0",
    ] {
        assert!(record.text.contains(text), "{text}");
    }
    for path in [
        "/record/77",
        "/record/1/fall/9",
        "/record/1/nothing/1",
        "/record/1/fall/x",
        "/record/1/patient/1",
        "/record/77/fall/new",
    ] {
        assert_eq!(client.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_form_has_the_dictionarys_labels_choices_and_branching() {
    let pages = Pages::new().await;
    let client = Client::signed_in(&pages).await;
    let case = client.get("/record/1/fall/1").await;
    for text in [
        ">Stay</h2>",
        "Weight (kg) ",
        "value=\"80.5\"",
        "type=\"datetime-local\" value=\"2026-01-01 10:00\"",
        ">\nfirst line\nsecond line</textarea>",
        "<span class=\"value\" id=\"f-fall_fhir_enc_id\">e1</span>",
    ] {
        assert!(case.text.contains(text), "{text}: {}", case.text);
    }
    // What the dictionary hides is not there, and what the project computes cannot be written.
    assert!(!case.text.contains("fall_zimmernr") && !case.text.contains("name=\"fall_bmi\""));
    let new = client.get("/record/1/medikationsanalyse/new").await;
    assert!(
        new.text.contains("data-field=\"meda_notiz\" hidden"),
        "{}",
        new.text
    );
    let token = new.hidden("_token").to_owned();
    let shown = |pairs: &[(&str, &str)]| {
        let mut all = vec![("_token", token.as_str())];
        all.extend(pairs);
        super::client::form(&all)
    };
    let path = "/record/1/medikationsanalyse/new/shown";
    for (answers, hidden) in [
        (
            vec![("meda_mrp_detekt", "")],
            r#"["meda_aufwand_zeit_and","meda_notiz","meda_words"]"#,
        ),
        (vec![("meda_mrp_detekt", "1")], r#"["meda_aufwand_zeit_and"]"#),
        (
            vec![("meda_mrp_detekt", "0"), ("meda_typ", "2")],
            r#"["meda_notiz","meda_words"]"#,
        ),
    ] {
        assert_eq!(client.post(path, &shown(&answers)).await.text, hidden);
    }
    // A stored value that is none of the choices is shown, and stays.
    let person = client.get("/record/2/patient/0").await;
    assert!(
        person.text.contains("value=\"diverse\" checked"),
        "{}",
        person.text
    );
    let told = client
        .fill(
            "/record/2/patient/0",
            &[("pat_vorname", "Berta"), ("pat_geschlecht", "diverse")],
        )
        .await;
    assert_eq!(told.status, 303);
    assert_eq!(
        pages
            .cell("patient", "2", None, "pat_geschlecht")
            .await
            .as_deref(),
        Some("diverse")
    );
}

#[tokio::test]
async fn edits_reach_the_hub_and_fhir_returns_by_the_rule() {
    let pages = Pages::new().await;
    let client = Client::signed_in(&pages).await;
    let before = pages.versions("fall").await;
    let told = client
        .fill(
            "/record/1/fall/1",
            &[("fall_gewicht_aktuell", "81,5"), ("fall_complete", "2")],
        )
        .await;
    assert_eq!(
        (told.status, told.location()),
        (303, "/record/1/fall/1?saved=2"),
        "{}",
        told.text
    );
    assert!(
        client
            .get(told.location())
            .await
            .text
            .contains("Saved: 2 changed.")
    );
    let cell = |column: &'static str| pages.cell("fall", "1", Some(1), column);
    assert_eq!(cell("fall_gewicht_aktuell").await.as_deref(), Some("81.5"));
    // What was not touched stays as it was, the hidden room too.
    assert_eq!(cell("fall_zimmernr").await.as_deref(), Some("12"));
    assert_eq!(
        cell("fall_aufn_diag").await.as_deref(),
        Some("first line\nsecond line")
    );
    assert_eq!(
        cell("fall_aufn_dat").await.as_deref(),
        Some("2026-01-01 10:00:00")
    );
    assert_eq!(pages.versions("fall").await, before + 1);
    // Sending the same again changes nothing.
    let again = client
        .fill(
            "/record/1/fall/1",
            &[
                ("fall_gewicht_aktuell", "81.50"),
                ("fall_aufn_dat", "2026-01-01T10:00"),
            ],
        )
        .await;
    assert!(again.text.contains("Nothing was changed."), "{}", again.text);
    assert_eq!(pages.versions("fall").await, before + 1);
    // The dataprocessor confirms what FHIR says: its value returns. What only people write stays.
    let new = client
        .fill(
            "/record/1/medikationsanalyse/new",
            &[
                ("meda_typ", "2"),
                ("meda_mrp_detekt", "1"),
                ("meda_notiz", "a\r\n\"b\" 🩺 %PLUS% <i>"),
            ],
        )
        .await;
    assert_eq!(
        new.location(),
        "/record/1/medikationsanalyse/1?saved=3",
        "{}",
        new.text
    );
    pages.fhir(80.5).await;
    assert_eq!(cell("fall_gewicht_aktuell").await.as_deref(), Some("80.5"));
    assert!(
        client
            .get("/record/1/fall/1")
            .await
            .text
            .contains("value=\"80.5\"")
    );
    let note = pages.cell("medikationsanalyse", "1", Some(1), "meda_notiz").await;
    assert_eq!(note.as_deref(), Some("a\n\"b\" 🩺 %PLUS% <i>"));
    let second = client
        .fill("/record/1/medikationsanalyse/new", &[("meda_typ", "1")])
        .await;
    assert_eq!(second.location(), "/record/1/medikationsanalyse/2?saved=1");
    // Who changed what is kept, by name, with both values.
    let changes = client.get("/record/1/fall/1/changes").await;
    for text in [super::site::ANNA.0, "Weight (kg)", ">80.5<", ">81.5<"] {
        assert!(
            changes.text.contains(text) || changes.text.contains(&text.replace("81.5", "81,5")),
            "{text}: {}",
            changes.text
        );
    }
    assert!(!changes.text.contains("not known to be stored"));
    let file = std::fs::read_to_string(pages.directory.path().join("pages/changes.ndjson")).unwrap();
    assert_eq!(file.lines().count(), 6);
}

#[tokio::test]
async fn what_does_not_fit_is_told_and_nothing_is_stored() {
    let pages = Pages::new().await;
    let client = Client::signed_in(&pages).await;
    let before = pages.versions("fall").await;
    let answers = [
        ("fall_gewicht_aktuell", "heavy"),
        ("fall_aufn_dat", "2026-02-30T10:00"),
        ("fall_id", "F-9"),
    ];
    let told = client.fill("/record/1/fall/1", &answers).await;
    assert_eq!(told.status, 422);
    for text in [
        "2 answers cannot be stored",
        "A number is wanted here.",
        "A moment is wanted here",
        "value=\"heavy\"",
        "value=\"F-9\"",
    ] {
        assert!(told.text.contains(text), "{text}");
    }
    let told = client
        .fill("/record/1/medikationsanalyse/new", &[("meda_typ", "4")])
        .await;
    assert!(told.status == 422 && told.text.contains("This is none of the answers."));
    assert_eq!(pages.versions("fall").await, before);
    // A hidden question keeps what it had, whatever is sent for it.
    let told = client
        .fill(
            "/record/1/medikationsanalyse/new",
            &[("meda_typ", "1"), ("meda_notiz", "hidden")],
        )
        .await;
    assert_eq!(told.status, 303);
    assert_eq!(
        pages.cell("medikationsanalyse", "1", Some(1), "meda_notiz").await,
        None
    );
}

#[tokio::test]
async fn two_who_edit_the_same_form_are_told() {
    let pages = Pages::new().await;
    let (one, two) = (Client::signed_in(&pages).await, Client::signed_in(&pages).await);
    let page = two.get("/record/1/fall/2").await;
    let first = one
        .fill("/record/1/fall/2", &[("fall_gewicht_aktuell", "70")])
        .await;
    assert_eq!(first.status, 303);
    let pairs = [
        ("_token", page.hidden("_token")),
        ("_stamp", page.hidden("_stamp")),
        ("fall_gewicht_aktuell", "71"),
    ];
    let told = two.post("/record/1/fall/2", &super::client::form(&pairs)).await;
    assert_eq!(told.status, 409);
    assert!(
        told.text.contains("In the hub this is now: 70") && told.text.contains("value=\"71\""),
        "{}",
        told.text
    );
    assert_eq!(
        pages
            .cell("fall", "1", Some(2), "fall_gewicht_aktuell")
            .await
            .as_deref(),
        Some("70")
    );
    // Whoever has seen it may insist.
    let pairs = [
        ("_token", told.hidden("_token")),
        ("_stamp", told.hidden("_stamp")),
        ("fall_gewicht_aktuell", "71"),
    ];
    assert_eq!(
        two.post("/record/1/fall/2", &super::client::form(&pairs))
            .await
            .status,
        303
    );
    assert_eq!(
        pages
            .cell("fall", "1", Some(2), "fall_gewicht_aktuell")
            .await
            .as_deref(),
        Some("71")
    );
}
