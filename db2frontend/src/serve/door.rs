//! Logging in and out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use cds_hub::{Hub, HubOptions};
use maud::html;
use web_pages::{Anonymous, Field, Form, Input, Notice, Page, Site, Submission};

use super::site::{Pages, User};

/// The role that all pages work as; who logs in must be it, or a member of it.
const ROLE: &str = "db2frontend_user";

/// The log-in.
pub(super) async fn form(State(pages): State<Pages>) -> Page {
    log_in(&pages, None)
}

fn log_in(pages: &Pages, notice: Option<Notice>) -> Page {
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
    let token = pages.sessions().tokens().anonymous();
    let form = Form::new("/login", &token).submit("Log in").body(html! {
        (line("name", "Name", "text", "username"))
        (line("password", "Password", "password", "current-password"))
    });
    Page::new("Log in")
        .site(&pages.title)
        .notice(notice)
        .body(form.render())
}

/// Lets somebody in whose name and password the hub takes.
pub(super) async fn enter(State(pages): State<Pages>, form: Anonymous) -> Response {
    let refuse = |status, words: &str| {
        log_in(&pages, Some(Notice::Bad(words.to_owned())))
            .status(status)
            .into_response()
    };
    let name = form.get("name").trim().to_owned();
    let pause = pages.attempts.wait(&name);
    if !pause.is_zero() {
        let words = format!("Too many attempts. Try again in {} seconds.", pause.as_secs() + 1);
        return refuse(StatusCode::TOO_MANY_REQUESTS, &words);
    }
    match is_known(&pages.login, &name, form.get("password")).await {
        Some(true) => {}
        Some(false) => {
            pages.attempts.failed(&name);
            tracing::warn!("a log-in failed");
            return refuse(
                StatusCode::UNAUTHORIZED,
                "Name or password is wrong, or the name may not use these pages.",
            );
        }
        None => {
            return refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "The hub does not answer. Try again later.",
            );
        }
    }
    pages.attempts.succeeded(&name);
    match pages.sessions().begin(User { name }) {
        Ok(cookie) => ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        Err(_) => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "No session could be started. Try again later.",
        ),
    }
}

/// Ends the session.
pub(super) async fn leave(State(pages): State<Pages>, submission: Submission<User>) -> Response {
    let cookie = pages.sessions().end(&submission.session);
    ([(SET_COOKIE, cookie)], Redirect::to("/login")).into_response()
}

/// Whether the hub lets this role in with this password, and it is a member of the frontend's; `None` where the hub does not
/// answer. Where the hub asks for no password a wrong one would do, so nobody is let in there.
async fn is_known(login: &HubOptions, name: &str, password: &str) -> Option<bool> {
    if name.is_empty() || password.is_empty() || name.contains('\0') || password.contains('\0') {
        return Some(false);
    }
    let wrong = format!("{password}x");
    match open(login, name, &wrong).await {
        Ok(_) => {
            tracing::error!("the hub asks no password of its roles; nobody can log in to the pages");
            return Some(false);
        }
        Err(error) if !is_refusal(&error) => return None,
        Err(_) => {}
    }
    match open(login, name, password).await {
        Ok(hub) => {
            let member = sqlx::query_scalar(
                "SELECT pg_has_role(current_user, $1::name, 'MEMBER') AND current_user = $2::name",
            )
            .bind(ROLE)
            .bind(name)
            .fetch_one(hub.pool())
            .await
            .ok();
            hub.close().await;
            member
        }
        Err(error) if is_refusal(&error) => Some(false),
        Err(_) => None,
    }
}

/// Whether the server said no (SQLSTATE class 28), or the password is none that it could be asked about.
fn is_refusal(error: &cds_hub::Error) -> bool {
    match error.sqlstate() {
        Some(state) => state.starts_with("28"),
        None => error.kind() != cds_hub::ErrorKind::Connect,
    }
}

async fn open(login: &HubOptions, name: &str, password: &str) -> cds_hub::Result<Hub> {
    let mut options = login.clone();
    options.url = with_user(&login.url, name);
    options.password = Some(password.to_owned());
    options.password_file = None;
    options.connections = 1;
    options.patience = std::time::Duration::from_secs(10);
    Hub::open(&options).await
}

/// The address with another user and without a password.
fn with_user(url: &str, name: &str) -> String {
    let name = super::layout::segment(name);
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{name}@{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_an_address_is_replaced_and_cannot_become_a_host() {
        for (url, name, wanted) in [
            (
                "postgres://a:b@host:5/db?x=1",
                "anna",
                "postgres://anna@host:5/db?x=1",
            ),
            (
                "postgresql://host/db",
                "a@evil/x",
                "postgresql://a%40evil%2Fx@host/db",
            ),
            ("postgres://host", "a b", "postgres://a%20b@host"),
        ] {
            assert_eq!(with_user(url, name), wanted);
        }
    }
}
