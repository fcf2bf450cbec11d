//! The page on which somebody logs in.

use maud::html;

use crate::{Field, Form, Input, Notice, Page, Site};

/// The log-in of a site: a name, called `label`, and a password, sent to [`Site::log_in`] as `name` and `password`.
pub fn log_in<S: Site>(site: &S, label: &str, notice: Option<Notice>) -> Page {
    let line = |name, label, kind, autocomplete| {
        Field {
            name,
            label,
            input: Input::Line {
                kind,
                value: "",
                step: "",
                autocomplete,
            },
            ..Field::default()
        }
        .render()
    };
    let token = site.sessions().tokens().anonymous();
    let form = Form::new(site.log_in(), &token).submit("Log in").body(html! {
        (line("name", label, "text", "username"))
        (line("password", "Password", "password", "current-password"))
    });
    Page::new("Log in")
        .site(site.name())
        .notice(notice)
        .body(form.render())
}

/// What somebody is told who has guessed too often.
#[must_use]
pub fn wait(pause: std::time::Duration) -> String {
    format!("Too many attempts. Try again in {} seconds.", pause.as_secs() + 1)
}
