//! What an answer is: data, a refusal, or nothing of this interface.

use super::refusal::{Reason, Refusal};
use crate::{Error, ErrorKind, Result};

/// Whether a status and body say that the same request may do later.
pub(super) fn may_pass(status: u16, body: &[u8]) -> bool {
    matches!(status, 302 | 408 | 425 | 429 | 500 | 502 | 503 | 504) || is_page(body)
}

/// Whether there is nothing but blanks.
pub(super) fn is_blank(body: &[u8]) -> bool {
    body.strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(body)
        .trim_ascii()
        .is_empty()
}

/// Whether a status says that less must be asked for.
pub(super) fn is_too_much(status: u16) -> bool {
    matches!(status, 403 | 413 | 414)
}

/// A web page in place of data: a login, a ban or a proxy.
fn is_page(body: &[u8]) -> bool {
    let begin = body.trim_ascii_start();
    let begin = begin
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(begin)
        .trim_ascii_start();
    let begin: Vec<u8> = begin.iter().take(256).map(u8::to_ascii_lowercase).collect();
    ["<!doctype", "<html", "<head", "<body", "<br", "<div"]
        .iter()
        .any(|tag| begin.starts_with(tag.as_bytes()))
}

/// The server's error text, where the body is one.
fn error_text(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Some(rest) = text.strip_prefix("ERROR:") {
        return Some(rest.trim().to_owned());
    }
    // Requests that name no format are answered in XML.
    let is_xml = text.starts_with("<?xml") || text.starts_with("<hash");
    if is_xml && let Some((_, rest)) = text.split_once("<error>") {
        return Some(
            rest.split_once("</error>")
                .map_or(rest, |(error, _)| error)
                .to_owned(),
        );
    }
    if text.starts_with('{') {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
        return match object.get("error")? {
            serde_json::Value::String(text) => Some(text.clone()),
            _ => Some(String::new()),
        };
    }
    None
}

/// Data of an answer that is final, or what it refuses.
pub(super) fn read(status: u16, body: Vec<u8>, place: &str) -> Result<Vec<u8>> {
    let found = error_text(&body);
    if status == 200 && found.is_none() {
        if is_page(&body) {
            let text = format!("{place}: a web page instead of data (a login, a ban or a proxy)");
            return Err(Error::new(ErrorKind::Answer, text));
        }
        return Ok(body);
    }
    if matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504) {
        return Err(Error::new(
            ErrorKind::Unreachable,
            format!("{place}: status {status}"),
        ));
    }
    if (300..400).contains(&status) {
        let text = format!("{place}: sent elsewhere with status {status} (a login or a proxy)");
        return Err(Error::new(ErrorKind::Answer, text));
    }
    let text = match found {
        Some(text) => text,
        None if is_page(&body) => {
            let kind = if status == 403 {
                ErrorKind::Forbidden
            } else {
                ErrorKind::Answer
            };
            return Err(Error::new(
                kind,
                format!("{place}: a web page with status {status} (a ban or a proxy)"),
            ));
        }
        None => String::from_utf8_lossy(&body).into_owned(),
    };
    let refusals = Refusal::read_all(&text);
    if !refusals.is_empty() {
        return Err(Error::refused(place, refusals));
    }
    let reason = Reason::of(&text);
    let kind = match reason {
        Reason::NoRights | Reason::NoExport | Reason::NoImport | Reason::NoGroups => ErrorKind::Forbidden,
        _ if status == 403 => ErrorKind::Forbidden,
        _ => ErrorKind::Answer,
    };
    Err(Error::new(kind, format!("{place}: status {status}, {reason}")).with_reason(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let kind = |status, body: &str| read(status, body.as_bytes().to_vec(), "x").map_err(|e| e.kind());
        assert!(kind(200, "record_id\n1\n").is_ok());
        assert!(kind(200, "  ").is_ok());
        for (status, body, wanted) in [
            (200, "\n<!DOCTYPE html><html>", ErrorKind::Answer),
            (403, "<html>banned", ErrorKind::Forbidden),
            (302, "", ErrorKind::Answer),
            (
                403,
                "{\"error\":\"You do not have permissions to use the API\"}",
                ErrorKind::Forbidden,
            ),
            (
                400,
                "ERROR: The value of the parameter \"content\" is not valid",
                ErrorKind::Answer,
            ),
            (
                403,
                "<?xml version=\"1.0\"?><hash><error>You do not have permissions to use the API</error></hash>",
                ErrorKind::Forbidden,
            ),
            (
                200,
                "ERROR: You do not have API Import/Update privileges",
                ErrorKind::Forbidden,
            ),
            (
                400,
                "{\"error\":\"\\\"1\\\",\\\"a\\\",\\\"Marker\\\",\\\"not a valid category\\\"\"}",
                ErrorKind::Refused,
            ),
        ] {
            assert_eq!(kind(status, body).unwrap_err(), wanted, "{status} {body}");
        }
        let error = read(400, b"ERROR: Marker is wrong".to_vec(), "x").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("Marker"));
    }
}
