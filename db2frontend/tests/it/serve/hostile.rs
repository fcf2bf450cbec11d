//! Who has no business here gets nothing, and texts stay texts.

use super::client::{Client, form};
use super::site::{ANNA, EVIL, Pages};

#[tokio::test]
async fn only_members_of_the_frontends_role_come_in() {
    let pages = Pages::new().await;
    let mut client = Client::new(&pages);
    for (name, password) in [
        (ANNA.0, "guessed horse"),
        (ANNA.0, ""),
        ("", ANNA.1),
        ("stranger", "also a password"),
        ("nobody", "xyzzy plugh"),
        ("anna of the ward@127.0.0.1:1/x", ANNA.1),
        ("postgres", ANNA.1),
        ("a\0b", "xyzzy plugh"),
    ] {
        let told = client.log_in(name, password).await;
        assert_eq!(told.status, 401, "{name}");
        assert!(
            client.cookie.is_empty() && !told.text.contains(password) || password.is_empty(),
            "{name}"
        );
    }
    for path in ["/", "/record/1", "/record/1/fall/1", "/record/1/fall/1/changes"] {
        let told = client.get(path).await;
        assert_eq!((told.status, told.location()), (303, "/login"), "{path}");
        assert!(!told.text.contains("Alpha"));
    }
    assert_eq!(client.log_in(ANNA.0, ANNA.1).await.status, 303);
    // Leaving ends the session, for whoever kept its cookie too.
    let token = client.get("/").await.hidden("_token").to_owned();
    assert_eq!(
        client.post("/logout", &form(&[("_token", &token)])).await.status,
        303
    );
    assert_eq!(client.get("/").await.status, 303);
}

#[tokio::test]
async fn guessing_takes_time() {
    let pages = Pages::new().await;
    let mut client = Client::new(&pages);
    let mut statuses = Vec::new();
    for attempt in 0..7 {
        statuses.push(client.log_in("guessed", &attempt.to_string()).await.status);
    }
    assert_eq!(statuses[..5], [401; 5]);
    assert_eq!(statuses[5..], [429; 2]);
}

#[tokio::test]
async fn no_label_and_no_value_becomes_markup() {
    let pages = Pages::new().await;
    let client = Client::signed_in(&pages).await;
    let told = client
        .fill("/record/1/fall/1", &[("fall_id", EVIL), ("fall_aufn_diag", EVIL)])
        .await;
    assert_eq!(told.status, 303);
    let paths = [
        "/",
        "/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&ward=%22%3E%3Cimg%20src=x%3E",
        "/record/1",
        "/record/2",
        "/record/2/patient/0",
        "/record/1/fall/1",
        "/record/2/fall/1",
        "/record/1/fall/1/changes",
        "/record/1/medikationsanalyse/new",
        "/record/%3Cscript%3E/fall/1",
    ];
    for path in paths {
        let told = client.get(path).await;
        let scripts = told.text.matches("<script").count();
        assert_eq!(scripts, 1, "{path}: the page's own only");
        assert!(
            !told.text.contains("<img") && !told.text.contains("\"'>"),
            "{path}"
        );
        assert!(
            told.head
                .to_lowercase()
                .contains("content-security-policy: default-src 'none'"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn forms_of_others_long_ones_and_crooked_paths_are_refused() {
    let pages = Pages::new().await;
    let client = Client::signed_in(&pages).await;
    let page = client.get("/record/1/fall/1").await;
    let good = form(&[
        ("_token", page.hidden("_token")),
        ("_stamp", page.hidden("_stamp")),
        ("fall_id", "F-0"),
    ]);
    let bare = form(&[("_stamp", page.hidden("_stamp")), ("fall_id", "F-0")]);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let before = pages.versions("fall").await;
    for (headers, body, status) in [
        (vec![kind], bare.clone(), 403),
        (vec![kind, ("origin", "https://evil.example")], good.clone(), 403),
        (vec![kind, ("sec-fetch-site", "cross-site")], good.clone(), 403),
        (vec![kind, ("host", "evil.example")], good.clone(), 421),
        (vec![("content-type", "text/plain")], good.clone(), 415),
        (
            vec![kind],
            format!("{good}&fall_aufn_diag={}", "x".repeat(5 << 20)),
            413,
        ),
    ] {
        let told = client.ask("POST", "/record/1/fall/1", &headers, &body).await;
        // Who sends too much may find the connection closed before the answer is read.
        let hung_up = status == 413 && told.status == 0;
        assert!(told.status == status || hung_up, "{headers:?}: {}", told.status);
    }
    for path in [
        "/../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/Cargo.toml",
        "/record/..%2f..%2fetc/fall/1",
        "/record/1/fall/../../x",
        "/record/1/%2e%2e/1",
    ] {
        assert!(matches!(client.get(path).await.status, 400 | 404), "{path}");
    }
    // Quotes and operators of SQL are text in paths and searches.
    for path in [
        "/record/1'%20OR%20'1'='1",
        "/record/1/fall/1%27--",
        "/record/1/fall_fe%22;DROP/1",
    ] {
        assert_eq!(client.get(path).await.status, 404, "{path}");
    }
    assert_eq!(pages.versions("fall").await, before, "nothing was stored");
    assert_eq!(
        client.post("/record/1/fall/1", &good).await.status,
        303,
        "the right one is"
    );
}
