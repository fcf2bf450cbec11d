//! The frame of a page: navigation, who is signed in, notices, what the page says.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::assets::{ICON_PATH, SCRIPT_PATH, STYLE_PATH};
use crate::token::FIELD;

/// A page; also an axum response.
pub struct Page {
    title: String,
    site: String,
    language: &'static str,
    links: Vec<(String, String, bool)>,
    trail: Vec<(String, String)>,
    user: Option<SignedIn>,
    notice: Option<Notice>,
    status: StatusCode,
    body: Markup,
}

struct SignedIn {
    name: String,
    leave: String,
    token: String,
}

/// A message above the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Something was done.
    Good(String),
    /// Something is to be known.
    Plain(String),
    /// Something was not done.
    Bad(String),
}

impl Page {
    /// A page of this title.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            site: String::new(),
            language: "en",
            links: Vec::new(),
            trail: Vec::new(),
            user: None,
            notice: None,
            status: StatusCode::OK,
            body: html! {},
        }
    }

    /// Name of the site, which leads to its first page.
    #[must_use]
    pub fn site(mut self, name: impl Into<String>) -> Self {
        self.site = name.into();
        self
    }

    /// A link of the navigation; `here` marks the part of the site that the page is of.
    #[must_use]
    pub fn link(mut self, label: impl Into<String>, path: impl Into<String>, here: bool) -> Self {
        self.links.push((label.into(), path.into(), here));
        self
    }

    /// A page above this one, outermost first.
    #[must_use]
    pub fn below(mut self, label: impl Into<String>, path: impl Into<String>) -> Self {
        self.trail.push((label.into(), path.into()));
        self
    }

    /// Who is signed in, where the button to leave is posted to, and the session's token.
    #[must_use]
    pub fn signed_in(mut self, name: &str, leave: &str, token: &str) -> Self {
        self.user = Some(SignedIn {
            name: name.to_owned(),
            leave: leave.to_owned(),
            token: token.to_owned(),
        });
        self
    }

    /// A message above the page.
    #[must_use]
    pub fn notice(mut self, notice: impl Into<Option<Notice>>) -> Self {
        self.notice = notice.into();
        self
    }

    /// HTTP status; 200 where none is said.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// What the page says below its title.
    #[must_use]
    pub fn body(mut self, body: Markup) -> Self {
        self.body = body;
        self
    }

    /// The whole document.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(self.language) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) @if !self.site.is_empty() { " – " (self.site) } }
                    link rel="icon" href=(ICON_PATH) type="image/svg+xml";
                    link rel="stylesheet" href=(STYLE_PATH);
                    script src=(SCRIPT_PATH) defer {}
                }
                body {
                    a.skip href="#main" { "Skip to content" }
                    header.site { div { (self.head()) } }
                    main id="main" tabindex="-1" {
                        @if !self.trail.is_empty() {
                            nav.trail aria-label="Where you are" {
                                @for (label, path) in &self.trail { a href=(path) { (label) } " › " }
                            }
                        }
                        h1 { (self.title) }
                        @if let Some(notice) = &self.notice { (notice.render()) }
                        (self.body)
                    }
                }
            }
        }
    }

    fn head(&self) -> Markup {
        html! {
            @if !self.site.is_empty() { a.name href="/" { (self.site) } }
            nav aria-label="Parts of the site" {
                @for (label, path, here) in &self.links {
                    a href=(path) aria-current=[here.then_some("page")] { (label) }
                }
            }
            @if let Some(user) = &self.user {
                form method="post" action=(user.leave) {
                    input type="hidden" name=(FIELD) value=(user.token);
                    span { (user.name) }
                    button.quiet type="submit" { "Log out" }
                }
            }
        }
    }
}

impl Notice {
    fn render(&self) -> Markup {
        let (class, role, text) = match self {
            Self::Good(text) => ("notice good", "status", text),
            Self::Plain(text) => ("notice", "status", text),
            Self::Bad(text) => ("notice bad", "alert", text),
        };
        html! { p class=(class) role=(role) { (text) } }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        (self.status, Html(self.render().into_string())).into_response()
    }
}

impl std::fmt::Debug for Page {
    /// Leaves out what the page says.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Page({})", self.status)
    }
}
