//! Who has no business here gets nothing, texts stay texts, and nothing of it is written down.

use test_browser::{Client, form};

use super::site::{EVIL, MARKER, PASSWORD, Site, send};
use crate::sql::one;

const PATHS: [&str; 6] = [
    "/",
    "/tables",
    "/refused",
    "/search",
    "/as-of",
    "/trace/patient/1",
];

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_without_name_and_password() {
    let site = Site::new(20).await;
    let anna = site.person("anna", Some(&["--values"])).await;
    let mut client = Client::new(site.address);
    for (name, password) in [
        (anna.as_str(), "guessed horse"),
        (&anna, ""),
        ("", PASSWORD),
        ("postgres", PASSWORD),
        ("a\0b", PASSWORD),
        ("anna@127.0.0.1:1/x", PASSWORD),
    ] {
        let told = client.log_in(name, password).await;
        assert_eq!(told.status, 401, "{name}: {}", told.text);
        assert!(
            client.cookie.is_empty() && !told.text.contains(PASSWORD),
            "{name}"
        );
    }
    for path in PATHS {
        let told = client.get(path).await;
        assert_eq!((told.status, told.location()), (303, "/login"), "{path}");
    }
    for path in ["/search", "/as-of", "/trace/patient/1"] {
        let told = client.post(path, &form(&[("id", "p1"), ("show", "1")])).await;
        assert!(told.status == 401 && !told.text.contains(MARKER), "{path}");
    }
    // Leaving ends the session, for whoever kept its cookie too, and the role's connections.
    let client = site.signed_in(&anna).await;
    let open = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{anna}'");
    assert_ne!(one(&site.hub, &open).await, "0");
    assert_eq!(send(&client, "/", "/logout", &[]).await.status, 303);
    assert_eq!(client.get("/").await.status, 303);
    for _ in 0..100 {
        if one(&site.hub, &open).await == "0" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the connections stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_and_names_of_others_are_refused() {
    let site = Site::new(20).await;
    let anna = site.person("anna", Some(&["--values"])).await;
    let client = site.signed_in(&anna).await;
    let page = client.get("/search").await;
    let good = form(&[("_token", page.hidden("_token")), ("id", "p1")]);
    let bare = form(&[("id", "p1")]);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for (headers, body, status) in [
        (vec![kind], &good, 200),
        (vec![kind], &bare, 403),
        (vec![kind, ("origin", "https://evil.example")], &good, 403),
        (vec![kind, ("sec-fetch-site", "cross-site")], &good, 403),
        (vec![kind, ("host", "evil.example")], &good, 421),
        (vec![("content-type", "text/plain")], &good, 415),
    ] {
        let told = client.ask("POST", "/search", &headers, body).await;
        assert_eq!(told.status, status, "{headers:?}");
        assert_eq!(
            told.text.contains("/trace/patient/"),
            status == 200,
            "{headers:?}"
        );
    }
    for (method, path) in [
        ("POST", "/"),
        ("POST", "/tables"),
        ("DELETE", "/search"),
        ("PUT", "/as-of"),
    ] {
        assert_eq!(
            client.ask(method, path, &[kind], &good).await.status,
            405,
            "{method} {path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_ids_and_values_stay_text_and_are_not_logged() {
    let site = Site::new(20).await;
    let anna = site.person("anna", Some(&["--values"])).await;
    let client = site.signed_in(&anna).await;
    let before = one(&site.hub, "SELECT count(*) FROM core.import").await;
    let long = "x".repeat(5000);
    for id in [
        EVIL,
        "p1' OR '1'='1",
        "p1'; DROP TABLE core.patient; --",
        "%",
        "[1]p1",
        "Patient/p1' OR 'a'='a",
        "99999999999999999999",
        "-1",
        "\u{202e}p1\u{0}",
        &long,
        "",
    ] {
        let told = send(&client, "/search", "/search", &[("id", id), ("show", "1")]).await;
        assert_eq!(told.status, 200, "{id}");
        assert!(!told.text.contains("href=\"/trace/"), "{id}: {}", told.text);
        assert_eq!(
            told.text.matches("<script").count(),
            1,
            "{id}: the page's own only"
        );
        assert!(!told.text.contains("<img"), "{id}");
    }
    // A stored value that would be markup.
    let id = one(
        &site.hub,
        "SELECT patient_id FROM core.patient WHERE pat_name_family LIKE '%script%'",
    )
    .await;
    let path = format!("/trace/patient/{id}");
    let asked = [("table", "patient"), ("moment", "2099-01-01"), ("show", "1")];
    for told in [
        send(&client, &path, &path, &[("show", "1")]).await,
        send(&client, "/as-of", "/as-of", &asked).await,
    ] {
        assert!(
            told.text.contains("&lt;script&gt;document.title"),
            "{}",
            told.text
        );
        assert_eq!(told.text.matches("<script").count(), 1);
        assert!(!told.text.contains("<img"));
        let head = told.head.to_lowercase();
        assert!(
            head.contains("content-security-policy: default-src 'none'"),
            "{head}"
        );
        assert!(head.contains("cache-control: no-store"), "{head}");
    }
    for (path, status) in [
        ("/trace/core.patient/1", 404),
        ("/trace/patient%22;DROP/1", 404),
        ("/trace/patient/1'%20OR%201=1", 404),
        ("/trace/..%2f..%2fetc/1", 404),
        ("/trace/pg_authid/1", 404),
        ("/as-of?table=%3Cscript%3Ealert(1)%3C/script%3E", 200),
        ("/as-of?table=%ff%fe", 200),
        ("/as-of?table=a&table=b", 200),
        ("/trace/patient", 404),
    ] {
        let told = client.get(path).await;
        assert_eq!(told.status, status, "{path}: {}", told.text);
        assert!(told.text.matches("<script").count() <= 1, "{path}");
    }
    for asked in [
        [
            ("table", "patient; DROP"),
            ("moment", "2026-01-01"),
            ("show", "1"),
            ("page", "0"),
        ],
        [
            ("table", "v_patient_last_version"),
            ("moment", "2026-01-01"),
            ("show", "1"),
            ("page", "0"),
        ],
        [
            ("table", "patient"),
            ("moment", "2026-01-01"),
            ("show", "1"),
            ("page", "4000000000"),
        ],
    ] {
        let told = send(&client, "/as-of", "/as-of", &asked).await;
        assert_eq!(told.status, 404, "{asked:?}");
    }
    assert_eq!(
        one(&site.hub, "SELECT count(*) FROM core.import").await,
        before,
        "nothing was written"
    );
    let log = site.log();
    for value in [MARKER, "p1", "script", "DROP", "horse"] {
        assert!(!log.contains(value), "{value}: {log}");
    }
}
