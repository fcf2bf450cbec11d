use hyper::StatusCode;
use serde_json::{Value, json};

/// Why a request is refused: status, code of the issue, and what was wrong, without values of resources.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    code: &'static str,
    text: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, code, text }
    }

    /// 400: the request itself is wrong.
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", text)
    }

    /// 400: what is asked for is not done here.
    pub(super) fn not_supported(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "not-supported", text)
    }

    /// 403: from a page of another place.
    pub(super) fn forbidden() -> Self {
        let text = "requests of web pages, and for another host, are not answered";
        Self::new(StatusCode::FORBIDDEN, "forbidden", text)
    }

    /// 404
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", text)
    }

    /// 405
    pub(super) fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "not-supported",
            "this is not answered with this method",
        )
    }

    /// 413
    pub(super) fn too_long() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-long",
            "the body is longer than 16 MiB",
        )
    }

    /// 422: a subject that cannot be run.
    pub(super) fn unprocessable(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", text)
    }

    /// 429
    pub(super) fn busy() -> Self {
        let text = "too many jobs are at work; cancel or wait for one";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", text)
    }

    /// 500
    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "exception", text)
    }

    /// As an OperationOutcome.
    pub(super) fn outcome(&self) -> Value {
        json!({
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": self.code, "diagnostics": self.text}],
        })
    }
}

/// What is missing from an answer, as an OperationOutcome.
pub(super) fn incomplete(unread: &[String]) -> Value {
    let issues = unread
        .iter()
        .map(|text| json!({"severity": "warning", "code": "incomplete", "diagnostics": text}));
    json!({"resourceType": "OperationOutcome", "issue": issues.collect::<Vec<_>>()})
}
