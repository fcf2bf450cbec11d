//! What a handler needs of a request: a session, and a form that this site made.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use crate::token::FIELD;
use crate::{Notice, Page, Session, Sessions};

/// A site with sessions; the state of its routes.
pub trait Site: Clone + Send + Sync + 'static {
    /// Who can be signed in.
    type User: Clone + Send + Sync + 'static;

    /// Its sessions.
    fn sessions(&self) -> &Sessions<Self::User>;

    /// Where to sign in.
    fn log_in(&self) -> &str {
        "/login"
    }

    /// Its name.
    fn name(&self) -> &str;
}

/// Somebody who is signed in; others are led to the log-in.
#[derive(Debug, Clone)]
pub struct Visitor<U>(pub Session<U>);

impl<S: Site> FromRequestParts<S> for Visitor<S::User> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &S) -> Result<Self, Response> {
        match site.sessions().of(&parts.headers) {
            Some(session) => Ok(Self(session)),
            None if parts.method == Method::GET => Err(Redirect::to(site.log_in()).into_response()),
            None => {
                let words = "Your session has ended. Nothing was saved; log in and send the form again.";
                let page = Page::new("Please log in")
                    .site(site.name())
                    .link("Log in", site.log_in(), false);
                Err(page
                    .notice(Notice::Bad(words.to_owned()))
                    .status(StatusCode::UNAUTHORIZED)
                    .into_response())
            }
        }
    }
}

/// A form that somebody signed in has sent from a page of this site.
pub struct Submission<U> {
    /// Who sent it.
    pub session: Session<U>,
    /// Names and values in their order, the token left out.
    pub pairs: Vec<(String, String)>,
}

impl<U> Submission<U> {
    /// The first value of a name; blank where it is not there.
    pub fn get(&self, name: &str) -> &str {
        get(&self.pairs, name)
    }
}

impl<U> std::fmt::Debug for Submission<U> {
    /// Leaves out the values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Submission({} values)", self.pairs.len())
    }
}

impl<S: Site> FromRequest<S> for Submission<S::User> {
    type Rejection = Response;

    async fn from_request(request: Request, site: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Visitor(session) = Visitor::<S::User>::from_request_parts(&mut parts, site).await?;
        let pairs = pairs(Request::from_parts(parts, body), site).await?;
        if !site.sessions().tokens().is_of(&session.id, get(&pairs, FIELD)) {
            return Err(foreign(site));
        }
        Ok(Self {
            session,
            pairs: without_token(pairs),
        })
    }
}

/// A form of this site that needs no session, such as the log-in.
pub struct Anonymous(pub Vec<(String, String)>);

impl Anonymous {
    /// The first value of a name; blank where it is not there.
    pub fn get(&self, name: &str) -> &str {
        get(&self.0, name)
    }
}

impl std::fmt::Debug for Anonymous {
    /// Leaves out the values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Anonymous({} values)", self.0.len())
    }
}

impl<S: Site> FromRequest<S> for Anonymous {
    type Rejection = Response;

    async fn from_request(request: Request, site: &S) -> Result<Self, Response> {
        let pairs = pairs(request, site).await?;
        if !site.sessions().tokens().is_anonymous(get(&pairs, FIELD)) {
            return Err(foreign(site));
        }
        Ok(Self(without_token(pairs)))
    }
}

async fn pairs<S: Site>(request: Request, site: &S) -> Result<Vec<(String, String)>, Response> {
    let form = request
        .headers()
        .get(axum::http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .to_ascii_lowercase()
                .starts_with("application/x-www-form-urlencoded")
        });
    let body = Bytes::from_request(request, &()).await.map_err(|refused| {
        refuse(
            site,
            refused.status(),
            "What was sent is too long, or did not arrive whole. Nothing was saved.",
        )
    })?;
    if !form {
        return Err(refuse(
            site,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "This is no form. Nothing was saved.",
        ));
    }
    Ok(form_pairs(&body))
}

/// Names and values of a urlencoded form.
fn form_pairs(body: &[u8]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| {
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
            match (byte, digit(at + 1), digit(at + 2)) {
                (b'%', Some(high), Some(low)) => {
                    out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                    at += 2;
                }
                (b'+', ..) => out.push(b' '),
                _ => out.push(byte),
            }
            at += 1;
        }
        // Browsers send line ends of text areas as CR LF.
        String::from_utf8_lossy(&out).replace("\r\n", "\n")
    };
    body.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (
                text(&pair[..equals]),
                text(pair.get(equals + 1..).unwrap_or_default()),
            )
        })
        .collect()
}

fn get<'p>(pairs: &'p [(String, String)], name: &str) -> &'p str {
    pairs
        .iter()
        .find(|(given, _)| given == name)
        .map_or("", |(_, value)| value)
}

fn without_token(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.retain(|(name, _)| name != FIELD);
    pairs
}

fn foreign<S: Site>(site: &S) -> Response {
    refuse(
        site,
        StatusCode::FORBIDDEN,
        "This form did not come from a page of this site, or the page is too old. Nothing was saved; open it again.",
    )
}

fn refuse<S: Site>(site: &S, status: StatusCode, words: &str) -> Response {
    let page = Page::new("Not done")
        .site(site.name())
        .notice(Notice::Bad(words.to_owned()));
    page.status(status).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let pairs = form_pairs("a=1%2C+2&b=x%0D%0Ay&c&&d=%zz%C3%A4%F0%9F%A9%BA&e=a=b%2".as_bytes());
        let expected = [
            ("a", "1, 2"),
            ("b", "x\ny"),
            ("c", ""),
            ("d", "%zzä🩺"),
            ("e", "a=b%2"),
        ];
        assert_eq!(
            pairs,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
