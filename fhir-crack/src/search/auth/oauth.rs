use std::time::Duration;

use reqwest::{RequestBuilder, Url};
use serde::Deserialize;

use crate::search::error::{Error, ErrorKind, Fault};
use crate::search::secret::Secret;
use crate::search::url::encoding::encode_into;
use crate::search::wire::retry::{is_transient, retry_after};

/// Longest answer of a token endpoint, in bytes.
const LONGEST: usize = 1 << 20;

/// Error codes of a token endpoint (RFC 6749, 5.2); others are not shown.
const CODES: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// The answer of a token endpoint; no `Debug`, it holds tokens.
#[derive(Deserialize)]
pub(super) struct Grant {
    access_token: String,
    expires_in: Option<serde_json::Value>,
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Grant {
    pub(super) fn access(&self) -> Secret {
        Secret::new(self.access_token.as_str())
    }

    pub(super) fn refresh(&self) -> Option<Secret> {
        self.refresh_token.as_deref().map(Secret::new)
    }

    /// Life time of the access token; some endpoints write the number as text.
    pub(super) fn life(&self) -> Option<Duration> {
        let seconds = match self.expires_in.as_ref()? {
            serde_json::Value::String(text) => text.trim().parse().ok()?,
            number => number.as_f64()?,
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// Reads the URL of a token endpoint.
pub(super) fn endpoint(text: &str) -> Result<Url, Error> {
    match Url::parse(text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(Error::configuration(
            "the token URL must begin with http:// or https://",
        )),
    }
}

/// A form of these pairs; pairs with an empty value are left out.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        if !text.is_empty() {
            text.push('&');
        }
        encode_into(&mut text, name);
        text.push('=');
        encode_into(&mut text, value);
    }
    text
}

/// Sends a request to a token endpoint and reads the token it grants.
pub(super) async fn grant(request: RequestBuilder, patience: Duration) -> Result<Grant, Fault> {
    let body = answer(request, patience).await?;
    // serde's own message could quote the token
    serde_json::from_slice(&body).map_err(|_| Fault::fatal(ErrorKind::Token))
}

/// Sends a request to a token URL and takes its text as the token.
pub(super) async fn text(request: RequestBuilder, patience: Duration) -> Result<Secret, Fault> {
    let body = answer(request, patience).await?;
    let text = String::from_utf8(body).map_err(|_| Fault::fatal(ErrorKind::Token))?;
    Ok(Secret::new(text.trim()))
}

async fn answer(request: RequestBuilder, patience: Duration) -> Result<Vec<u8>, Fault> {
    let whole = async {
        let failed =
            |error: reqwest::Error| Fault::transient(ErrorKind::Token).caused_by(error.without_url());
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(Fault::fatal(ErrorKind::Token));
            }
            body.extend_from_slice(&chunk);
        }
        if status == 200 {
            return Ok(body);
        }
        let code = serde_json::from_slice::<Refusal>(&body).ok();
        let code = code.and_then(|refusal| CODES.into_iter().find(|known| *known == refusal.error));
        let mut fault = Fault::fatal(ErrorKind::Token).with_issues(code.into_iter().collect());
        fault.retry = is_transient(status);
        fault.wait = retry_after(&headers).filter(|_| fault.retry);
        Err(fault)
    };
    match tokio::time::timeout(patience, whole).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Fault::transient(ErrorKind::Token)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn life_times() {
        for (text, seconds) in [
            (r#"{"access_token":"t","expires_in":300}"#, Some(300)),
            (r#"{"access_token":"t","expires_in":"300"}"#, Some(300)),
            (r#"{"access_token":"t","expires_in":-1}"#, None),
            (r#"{"access_token":"t","expires_in":"soon"}"#, None),
            (r#"{"access_token":"t"}"#, None),
        ] {
            let grant: Grant = serde_json::from_str(text).expect(text);
            assert_eq!(grant.life(), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn forms_leave_empty_values_out() {
        assert_eq!(
            form(&[("a", "b c"), ("scope", ""), ("d", "e&f")]),
            "a=b%20c&d=e%26f"
        );
    }
}
