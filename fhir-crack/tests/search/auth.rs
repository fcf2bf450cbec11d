use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fhir_crack::search::{
    Auth, Client, ErrorKind, Format, ManyStep, OAuth, Search, Secret, SmartBackend, Step,
};

use crate::bundle::bundle;
use crate::options;
use crate::server::{Request, Response, Server};

/// A FHIR server with a token endpoint; each token is good for `uses` requests.
struct Gate {
    server: Server,
    granted: Arc<AtomicUsize>,
}

/// Answers of a token endpoint for the token `t<n>`.
type Answer = fn(usize) -> Response;

fn json_grant(n: usize) -> Response {
    Response::new(
        200,
        format!(
            r#"{{"access_token":"t{n}","token_type":"bearer","expires_in":3600,"refresh_token":"r{n}"}}"#
        ),
    )
}

fn short_grant(n: usize) -> Response {
    Response::new(200, format!(r#"{{"access_token":"t{n}","expires_in":0}}"#))
}

fn text_grant(n: usize) -> Response {
    Response::new(200, format!("t{n}\n"))
}

async fn gate(uses: usize, answer: Answer) -> Gate {
    let granted = Arc::new(AtomicUsize::new(0));
    let used = Mutex::new(0);
    let count = Arc::clone(&granted);
    let server = Server::start(move |request, _| {
        if request.target.starts_with("/token") {
            let n = count.fetch_add(1, Ordering::SeqCst) + 1;
            *used.lock().expect("used") = 0;
            return answer(n);
        }
        let mut used = used.lock().expect("used");
        *used += 1;
        let valid = format!("Bearer t{}", count.load(Ordering::SeqCst));
        if *used > uses || request.headers.get("authorization") != Some(&valid) {
            return Response::new(401, "");
        }
        let page: usize = request
            .target
            .split("page=")
            .nth(1)
            .map_or(1, |page| page.parse().expect("page"));
        let next = (page < 5).then(|| format!("?page={}", page + 1));
        Response::new(200, bundle(Format::Json, &[page], Some(5), next.as_deref()))
    })
    .await;
    Gate { server, granted }
}

impl Gate {
    fn token_url(&self) -> String {
        format!("{}/token", self.server.origin)
    }

    fn oauth(&self) -> OAuth {
        OAuth {
            token_url: self.token_url(),
            client_id: "client".into(),
            client_secret: Secret::new("pass word"),
            scope: "system/*.read".into(),
            secret_in_form: false,
        }
    }

    fn client(&self, auth: Auth) -> Client {
        Client::new(options(&self.server.base()).auth(auth)).expect("client")
    }

    fn token_requests(&self) -> Vec<Request> {
        self.server
            .requests()
            .into_iter()
            .filter(|request| request.target.starts_with("/token"))
            .collect()
    }
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_is_renewed() {
    let gate = gate(2, json_grant).await;
    let client = gate.client(Auth::ClientCredentials(gate.oauth()));
    let complete = client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search")
        .1;
    assert_eq!(complete.matches(), 5);
    assert_eq!(gate.granted.load(Ordering::SeqCst), 3);
    let asked = gate.token_requests();
    assert_eq!(asked[0].body, "grant_type=client_credentials&scope=system/*.read");
    assert_eq!(
        asked[0].headers["authorization"],
        "Basic Y2xpZW50OnBhc3MlMjB3b3Jk"
    );
}

#[tokio::test]
async fn secrets_go_into_the_form_where_asked() {
    let gate = gate(9, json_grant).await;
    let client = gate.client(Auth::ClientCredentials(OAuth {
        secret_in_form: true,
        ..gate.oauth()
    }));
    client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search");
    let asked = &gate.token_requests()[0];
    assert!(
        asked
            .body
            .ends_with("&client_id=client&client_secret=pass%20word")
    );
    assert!(!asked.headers.contains_key("authorization"));
}

#[tokio::test]
async fn tokens_near_their_end_are_renewed_before_use() {
    let gate = gate(1, short_grant).await;
    let client = gate.client(Auth::ClientCredentials(gate.oauth()));
    client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search");
    assert_eq!(gate.granted.load(Ordering::SeqCst), 5);
    assert!(
        gate.server
            .requests()
            .iter()
            .all(|request| request.headers.contains_key("authorization"))
    );
}

#[tokio::test]
async fn refresh_tokens_are_followed() {
    let gate = gate(2, json_grant).await;
    let client = gate.client(Auth::RefreshToken {
        client: gate.oauth(),
        refresh_token: Secret::new("r0"),
    });
    client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search");
    let sent: Vec<String> = gate
        .token_requests()
        .into_iter()
        .map(|request| request.body)
        .collect();
    for (n, body) in sent.iter().enumerate() {
        assert!(body.contains(&format!("refresh_token=r{n}")), "{body}");
    }
    assert_eq!(sent.len(), 3);
}

#[tokio::test]
async fn token_url_gives_plain_text() {
    let gate = gate(2, text_grant).await;
    let login = Some(("user".to_owned(), Secret::new("pass")));
    let url = Secret::new(gate.token_url());
    let client = gate.client(Auth::TokenUrl {
        url,
        login,
        token: Some(Secret::new("stale")),
    });
    client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search");
    let asked = gate.token_requests();
    assert_eq!(asked.len(), 3);
    assert_eq!(
        (
            asked[0].method.as_str(),
            asked[0].headers["authorization"].as_str()
        ),
        ("GET", "Basic dXNlcjpwYXNz")
    );
}

#[tokio::test]
async fn smart_backend_sends_an_assertion() {
    let gate = gate(9, json_grant).await;
    let client = gate.client(Auth::SmartBackend(SmartBackend {
        token_url: gate.token_url(),
        client_id: "client".into(),
        key: Secret::new(include_str!("keys/rsa.pem")),
        key_id: "k".into(),
        scope: "system/*.read".into(),
    }));
    client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search");
    let body = &gate.token_requests()[0].body;
    assert!(body.contains("client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    assert!(body.contains("&client_assertion=ey"));
}

#[tokio::test]
async fn files_and_commands() {
    let gate = gate(2, json_grant).await;
    gate.granted.store(7, Ordering::SeqCst);
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("token");
    std::fs::write(&path, "t7\n").expect("write");
    let client = gate.client(Auth::BearerFile(path));
    let error = client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("the file still holds the old token");
    assert_eq!(
        (error.kind(), error.received().pages),
        (&ErrorKind::Unauthorized, 2)
    );
    let gate = self::gate(9, json_grant).await;
    gate.granted.store(7, Ordering::SeqCst);
    let args = vec!["-c".to_owned(), "echo t7; echo SECRET >&2".to_owned()];
    let client = gate.client(Auth::BearerCommand {
        program: "sh".into(),
        args,
    });
    client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search");
    let client = gate.client(Auth::BearerCommand {
        program: "false".into(),
        args: Vec::new(),
    });
    let error = client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("no token");
    assert_eq!(error.kind(), &ErrorKind::Secret);
}

#[tokio::test]
async fn refused_for_ever_ends_after_one_renewal() {
    let gate = gate(0, json_grant).await;
    let client = gate.client(Auth::ClientCredentials(gate.oauth()));
    let error = client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("401");
    assert_eq!(error.kind(), &ErrorKind::Unauthorized);
    assert_eq!(gate.granted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn token_endpoints_that_refuse_or_stumble() {
    let refusing = gate(9, |_| {
        Response::new(400, r#"{"error":"invalid_client","error_description":"MARKER"}"#)
    })
    .await;
    let client = refusing.client(Auth::ClientCredentials(refusing.oauth()));
    let error = client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect_err("refused");
    assert_eq!(
        (error.kind(), error.issues()),
        (&ErrorKind::Token, &["invalid_client"][..])
    );
    assert_eq!(refusing.granted.load(Ordering::SeqCst), 1);
    let stumbling = gate(9, |n| {
        if n < 3 {
            Response::new(503, "")
        } else {
            json_grant(n)
        }
    })
    .await;
    let client = stumbling.client(Auth::ClientCredentials(stumbling.oauth()));
    client
        .search(Search::new("Patient"))
        .collect()
        .await
        .expect("search");
}

#[tokio::test]
async fn many_searches_share_one_renewal() {
    let granted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&granted);
    let server = Server::start(move |request, _| {
        if request.target == "/token" {
            let n = count.fetch_add(1, Ordering::SeqCst);
            return json_grant(n);
        }
        // the first token is good for fetching nothing, the second for everything
        if request.headers["authorization"] == "Bearer t0" {
            return Response::new(401, "");
        }
        Response::new(200, bundle(Format::Json, &[1], None, None))
    })
    .await;
    let client = OAuth {
        token_url: format!("{}/token", server.origin),
        client_id: "c".into(),
        client_secret: Secret::new("s"),
        scope: String::new(),
        secret_in_form: false,
    };
    let client = Client::new(options(&server.base()).auth(Auth::ClientCredentials(client))).expect("client");
    let mut pages = client.by_ids(
        Search::new("Patient"),
        "patient",
        (0..40).map(|id| id.to_string()),
        1,
    );
    let mut complete = 0;
    while let Some(step) = pages.next().await.expect("step") {
        if let ManyStep::Ended { end, .. } = step {
            assert!(matches!(end, Ok(Step::Complete(_))));
            complete += 1;
        }
    }
    assert_eq!((complete, granted.load(Ordering::SeqCst)), (40, 2));
}
