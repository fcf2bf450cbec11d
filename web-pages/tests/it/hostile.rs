//! Who is not a page of this site gets nothing done.

use axum::http::StatusCode;

use crate::{asked, site, tell, token};

async fn signed_in() -> (axum::Router, String, String) {
    let (site, sessions) = site();
    let cookie = sessions.begin("anna".to_owned()).expect("random numbers");
    let cookie = cookie.split(';').next().expect("a cookie").to_owned();
    let home = tell(&site, asked("GET", "/", &[("cookie", &cookie)], "")).await;
    (site, cookie, token(&home.text).to_owned())
}

#[tokio::test]
async fn forms_of_others_are_refused() {
    let (site, cookie, token) = signed_in().await;
    let (_, _, other) = signed_in().await;
    let good = format!("_token={token}&words=x");
    #[expect(clippy::type_complexity, reason = "a table of cases")]
    let cases: [(&[(&str, &str)], &str, u16); 10] = [
        (&[], &good, 200),
        (
            &[
                ("origin", "https://pages.example.org"),
                ("sec-fetch-site", "same-origin"),
            ],
            &good,
            200,
        ),
        (&[("origin", "https://evil.example")], &good, 403),
        (&[("origin", "null")], &good, 403),
        (&[("origin", "http://127.0.0.1:9999")], &good, 403),
        (&[("sec-fetch-site", "cross-site")], &good, 403),
        (&[("sec-fetch-site", "same-site")], &good, 403),
        (&[], "words=x", 403),
        (&[], &format!("_token={other}&words=x"), 403),
        (&[("content-type", "text/plain")], &good, 415),
    ];
    for (headers, body, status) in cases {
        let mut all = headers.to_vec();
        all.push(("cookie", &cookie));
        let told = tell(&site, asked("POST", "/save", &all, body)).await;
        assert_eq!(told.status.as_u16(), status, "{headers:?}");
        assert_eq!(told.text.contains("says x"), status == 200);
    }
    // The token alone is no session.
    let told = tell(&site, asked("POST", "/save", &[], &good)).await;
    assert_eq!(told.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn other_names_are_not_answered() {
    let (site, cookie, _) = signed_in().await;
    for (host, status) in [
        ("localhost:8095", 200),
        ("LOCALHOST:8095", 200),
        ("[::1]:8095", 200),
        ("pages.example.org", 200),
        ("evil.example:8095", 421),
        ("127.0.0.1", 421),
        ("127.0.0.1:8095.evil.example", 421),
    ] {
        let told = tell(
            &site,
            asked("GET", "/", &[("host", host), ("cookie", &cookie)], ""),
        )
        .await;
        assert_eq!(told.status.as_u16(), status, "{host}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_policy_and_no_page_is_kept() {
    let (site, cookie, _) = signed_in().await;
    let style = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/style.css");
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/login", 200),
        ("GET", style, 200),
        ("GET", "/nowhere", 404),
        ("GET", "/assets/../../etc/passwd", 404),
        ("GET", "/assets/%2e%2e/%2e%2e/etc/passwd", 404),
        ("GET", "/assets/0.1.0/%2e%2e%2fscript.js", 404),
        ("DELETE", "/", 405),
        ("POST", "/save", 403),
    ] {
        let told = tell(&site, asked(method, path, &[("cookie", &cookie)], "")).await;
        assert_eq!(told.status.as_u16(), status, "{method} {path}");
        let policy = told.headers["content-security-policy"].to_str().expect("text");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(told.headers["x-content-type-options"], "nosniff");
        assert_eq!(
            told.headers["cache-control"] == "no-store",
            path != style,
            "{path}"
        );
        for inline in [
            "<style", "style=\"", "onclick", "onload", "<script>", "http://", "https://",
        ] {
            assert!(!told.text.contains(inline) || path == style, "{path}: {inline}");
        }
    }
}

#[tokio::test]
async fn long_bodies_are_refused() {
    let (site, cookie, token) = signed_in().await;
    let fits = format!("_token={token}&words={}", "x".repeat(3 << 20));
    let told = tell(&site, asked("POST", "/save", &[("cookie", &cookie)], &fits)).await;
    assert_eq!(told.status, StatusCode::OK);
    let long = format!("_token={token}&words={}", "x".repeat(5 << 20));
    let told = tell(&site, asked("POST", "/save", &[("cookie", &cookie)], &long)).await;
    assert_eq!(told.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(told.text.contains("Nothing was saved"));
}
