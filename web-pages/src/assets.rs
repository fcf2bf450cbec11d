//! Style, script and icon: the only files, served from the program itself.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::{MethodRouter, get};

/// Paths as pages name them; the version keeps an old file out of a new program's pages.
pub(crate) const STYLE_PATH: &str = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/style.css");
pub(crate) const SCRIPT_PATH: &str = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/script.js");
pub(crate) const ICON_PATH: &str = concat!("/assets/", env!("CARGO_PKG_VERSION"), "/icon.svg");

/// Routes of the files.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(
            STYLE_PATH,
            file("text/css; charset=utf-8", include_str!("../assets/style.css")),
        )
        .route(
            SCRIPT_PATH,
            file(
                "text/javascript; charset=utf-8",
                include_str!("../assets/script.js"),
            ),
        )
        .route(
            ICON_PATH,
            file("image/svg+xml", include_str!("../assets/icon.svg")),
        )
}

fn file<S: Clone + Send + Sync + 'static>(media_type: &'static str, body: &'static str) -> MethodRouter<S> {
    // An hour, so that a program of the same version that was built anew is seen.
    let headers = [
        (CONTENT_TYPE, media_type),
        (CACHE_CONTROL, "private, max-age=3600"),
    ];
    get(move || async move { (headers, body) })
}
