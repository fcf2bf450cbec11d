//! Which questions the answers so far hide, for the page's script.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use web_pages::Submission;

use super::answers::Answers;
use super::entry::{Place, Segments};
use super::site::{Pages, User};

/// A JSON list of the fields that are hidden; nothing is stored.
pub(super) async fn hidden(
    State(pages): State<Pages>,
    Path(segments): Path<Segments>,
    submission: Submission<User>,
) -> Response {
    match Place::find(&pages, segments).await {
        Ok(Some(place)) => {
            let answers = Answers::of_row(place.sheet, &place.row).with(place.sheet, &submission.pairs);
            let hidden = answers.hidden(place.sheet, &place.others);
            let body = serde_json::to_string(&hidden).unwrap_or_default();
            ([(CONTENT_TYPE, "application/json")], body).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
