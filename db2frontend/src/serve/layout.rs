//! What the pages have in common.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use web_pages::{Notice, Page, Session};

use super::site::{Pages, User};
use crate::Error;

/// A page for somebody who is signed in.
pub(super) fn page(pages: &Pages, session: &Session<User>, title: impl Into<String>) -> Page {
    Page::new(title)
        .site(&pages.title)
        .link("Cases", "/", true)
        .signed_in(&session.user.name, "/logout", &session.token)
}

/// The page for what is not there.
pub(super) fn missing(pages: &Pages, session: &Session<User>) -> Response {
    let words = "There is no such record, form or repetition.";
    page(pages, session, "Not found")
        .notice(Notice::Bad(words.to_owned()))
        .status(StatusCode::NOT_FOUND)
        .into_response()
}

/// The page for a failure; its cause is logged, not shown.
pub(super) fn failure(pages: &Pages, session: &Session<User>, error: &Error) -> Response {
    tracing::error!("{error}");
    let words = "The hub could not be read or written. Nothing was saved; try again, or ask whoever runs it.";
    page(pages, session, "The hub does not answer")
        .notice(Notice::Bad(words.to_owned()))
        .status(StatusCode::SERVICE_UNAVAILABLE)
        .into_response()
}

/// The state of a form as a mark.
pub(super) fn state(state: &str) -> Markup {
    let (class, words) = match state {
        "0" => ("state s0", "Incomplete"),
        "1" => ("state s1", "Unverified"),
        "2" => ("state s2", "Complete"),
        _ => ("state none", "No state"),
    };
    html! { span class=(class) { (words) } }
}

/// The words of a label: tags left out, line breaks kept, the few references that dictionaries use resolved.
pub(super) fn words(label: &str) -> String {
    let mut out = String::new();
    let mut rest = label;
    while let Some(begin) = rest.find('<') {
        let (before, tag) = rest.split_at(begin);
        out.push_str(before);
        let name: String = tag
            .chars()
            .skip(1)
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '!'))
            .collect();
        let is_tag = name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
        match tag.find('>').filter(|_| is_tag) {
            Some(end) => {
                let breaks = [
                    "br", "br/", "/p", "/div", "/li", "/tr", "/h1", "/h2", "/h3", "/h4",
                ];
                out.push(if breaks.contains(&name.to_ascii_lowercase().as_str()) {
                    '\n'
                } else {
                    ' '
                });
                rest = tag.get(end + 1..).unwrap_or_default();
            }
            None => {
                out.push('<');
                rest = tag.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    // The ampersand last, so that nothing is resolved twice.
    for (reference, text) in [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        out = out.replace(reference, text);
    }
    let lines = out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// The path of a form.
pub(super) fn path(record: &str, form: &str, instance: Option<u32>) -> String {
    let instance = instance.map_or_else(|| "0".to_owned(), |number| number.to_string());
    format!("/record/{}/{}/{instance}", segment(record), segment(form))
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_lose_their_tags_and_keep_their_words() {
        for (label, wanted) in [
            ("<b>Weight</b> (kg)", "Weight (kg)"),
            (
                "<div class=\"rich-text\"><p>One</p><p>Two &amp; \"three\"</p></div>",
                "One\nTwo & \"three\"",
            ),
            ("a < b and c > d", "a < b and c > d"),
            ("first<br>second<BR/>third", "first\nsecond\nthird"),
            (
                "&lt;script&gt;alert(1)&lt;/script&gt;",
                "<script>alert(1)</script>",
            ),
            ("&amp;lt;", "&lt;"),
        ] {
            assert_eq!(words(label), wanted);
        }
    }

    #[test]
    fn a_record_is_one_segment_whatever_it_is_called() {
        assert_eq!(
            path("../1 a/ä", "fall", Some(2)),
            "/record/%2E%2E%2F1%20a%2F%C3%A4/fall/2"
        );
    }
}
