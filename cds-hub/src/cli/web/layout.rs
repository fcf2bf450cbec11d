//! What the pages have in common.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use web_pages::{Choice, Field, Input, Notice, Page, Session};

use super::site::{Pages, User};

/// The parts of the site with their paths.
const PARTS: [(&str, &str); 5] = [
    ("Overview", "/"),
    ("Tables", "/tables"),
    ("Not stored", "/refused"),
    ("Search", "/search"),
    ("The past", "/as-of"),
];

/// A page of the part with this path, for somebody who is signed in.
pub(super) fn page(pages: &Pages, session: &Session<User>, title: impl Into<String>, part: &str) -> Page {
    let page = Page::new(title)
        .site(&pages.title)
        .signed_in(&session.user.name, "/logout", &session.token);
    PARTS.iter().fold(page, |page, (label, path)| {
        page.link(*label, *path, *path == part)
    })
}

/// The page for a table or row that is not there.
pub(super) fn missing(pages: &Pages, session: &Session<User>) -> Response {
    page(pages, session, "Not found", "")
        .notice(Notice::Bad("There is no such table or row.".to_owned()))
        .status(StatusCode::NOT_FOUND)
        .into_response()
}

/// A number with blanks between its thousands.
pub(super) fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            // Narrow, and no line breaks there.
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    match number < 0 {
        true => format!("−{out}"),
        false => out,
    }
}

/// A number in a cell, on one line.
pub(super) fn count(count: i64) -> Markup {
    html! { span.whole { (number(count)) } }
}

/// A number that is more than before, on one line; nothing for none.
pub(super) fn more(more: i64) -> Markup {
    html! { @if more != 0 { span.whole { "+" (number(more)) } } }
}

/// A duration in words.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// The box that asks for values.
pub(super) fn with_values(chosen: bool) -> Markup {
    let choice = Choice {
        code: "show",
        label: "Show values",
        chosen,
    };
    Field {
        name: "shown",
        label: "Patient data",
        note: "Others may see the screen; values are shown only where this is ticked.",
        input: Input::Boxes(vec![choice]),
        ..Field::default()
    }
    .render()
}

/// Names and values.
pub(super) fn facts<'f>(facts: impl IntoIterator<Item = (&'f str, Markup)>) -> Markup {
    html! {
        dl.facts { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_can_be_read() {
        let blank = |text: &str| text.replace(' ', "\u{202f}");
        for (value, wanted) in [
            (0, "0"),
            (7, "7"),
            (1000, "1 000"),
            (-12_345_678, "−12 345 678"),
            (i64::MIN, "−9 223 372 036 854 775 808"),
        ] {
            assert_eq!(number(value), blank(wanted));
        }
        assert!(more(0).into_string().is_empty() && more(7).into_string().contains(">+7<"));
        assert_eq!(
            [0.25, 45.0, 600.0, 9000.0].map(seconds),
            ["0.2 s", "45 s", "10 min", "2.5 h"]
        );
    }
}
