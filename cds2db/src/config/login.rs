//! How the program proves to the FHIR server who it is.

use std::path::Path;

use fhir_crack::search::{Auth, OAuth, Secret, SmartBackend};
use site_config::{Reader, resolve};

const OAUTH_URL: &str = "FHIR_OAUTH_TOKEN_URL";
const SMART_KEY: &str = "FHIR_SMART_KEY_FILE";
const REFRESH_URL: &str = "FHIR_TOKEN_REFRESH_URL";
const TOKEN_FILE: &str = "FHIR_TOKEN_FILE";
const TOKEN: &str = "FHIR_TOKEN";
const USER: &str = "FHIR_SERVER_USER";

/// Reads the credentials. A token that an OAuth 2.0 endpoint grants wins over one fetched from a URL, that over one in a
/// file, that over a fixed one; user and password come last.
pub(super) fn read(r: &mut Reader<'_>, file: &Path) -> Auth {
    let oauth = oauth(r, file);
    let refresh = refresh(r);
    let token_file = token_file(r, file);
    let token = secret(r, TOKEN);
    let basic = basic(r);
    let refresh = refresh.map(|(url, login)| Auth::TokenUrl {
        url,
        login,
        token: token.clone(),
    });
    oauth
        .or(refresh)
        .or(token_file)
        .or(token.map(Auth::Bearer))
        .or(basic)
        .unwrap_or_default()
}

/// The key that decides how to log in, for a fault of the credentials as a whole.
pub(super) fn key(r: &mut Reader<'_>) -> &'static str {
    [OAUTH_URL, REFRESH_URL, TOKEN_FILE, TOKEN]
        .into_iter()
        .find(|key| r.filled(key).is_some())
        .unwrap_or(USER)
}

/// What credentials are in use, in words and without any of them.
#[must_use]
pub fn in_words(login: &Auth) -> &'static str {
    match login {
        Auth::None => "no credentials",
        Auth::Basic { .. } => "user and password (not shown)",
        Auth::Bearer(_) => "a bearer token (not shown)",
        Auth::BearerFile(_) => "a bearer token from a file",
        Auth::TokenUrl { .. } => "a bearer token fetched from FHIR_TOKEN_REFRESH_URL",
        Auth::ClientCredentials(_) => "OAuth 2.0 client credentials",
        Auth::SmartBackend(_) => "SMART Backend Services",
        _ => "a token that a program fetches",
    }
}

fn oauth(r: &mut Reader<'_>, file: &Path) -> Option<Auth> {
    let client_id = r.filled("FHIR_OAUTH_CLIENT_ID").map(|t| t.trim().to_owned());
    let scope = r.filled("FHIR_OAUTH_SCOPE").unwrap_or_default().trim().to_owned();
    let client_secret = secret(r, "FHIR_OAUTH_CLIENT_SECRET");
    let secret_in_form = r.flag("FHIR_OAUTH_SECRET_IN_FORM").unwrap_or(false);
    let key_file = r.filled(SMART_KEY).map(|path| resolve(path, file));
    let key_id = r
        .filled("FHIR_SMART_KEY_ID")
        .unwrap_or_default()
        .trim()
        .to_owned();
    let token_url = url(r, OAUTH_URL);
    let Some(token_url) = token_url else {
        if client_id.is_some() || key_file.is_some() || client_secret.is_some() {
            r.fault(
                OAUTH_URL,
                "is missing: client id, secret and key are for its endpoint",
            );
        }
        return None;
    };
    let Some(client_id) = client_id else {
        r.fault(
            "FHIR_OAUTH_CLIENT_ID",
            "is missing: the token endpoint wants to know the client",
        );
        return None;
    };
    let Some(key_file) = key_file else {
        return Some(Auth::ClientCredentials(OAuth {
            token_url,
            client_id,
            client_secret: client_secret.unwrap_or_else(|| Secret::new("")),
            scope,
            secret_in_form,
        }));
    };
    if client_secret.is_some() {
        r.fault(
            SMART_KEY,
            "cannot stand beside FHIR_OAUTH_CLIENT_SECRET: a client has a key or a secret",
        );
    }
    match Secret::from_file(&key_file) {
        Ok(key) => Some(Auth::SmartBackend(SmartBackend {
            token_url,
            client_id,
            key,
            key_id,
            scope,
        })),
        Err(_) => {
            r.fault(SMART_KEY, "cannot be read");
            None
        }
    }
}

type Login = Option<(String, Secret)>;

fn refresh(r: &mut Reader<'_>) -> Option<(Secret, Login)> {
    let user = r.filled("FHIR_TOKEN_REFRESH_USER").map(str::to_owned);
    let password = secret(r, "FHIR_TOKEN_REFRESH_PASSWORD").unwrap_or_else(|| Secret::new(""));
    let url = url(r, REFRESH_URL)?;
    Some((Secret::new(url), user.map(|user| (user, password))))
}

/// The file must be there, since a run would end for want of it.
fn token_file(r: &mut Reader<'_>, file: &Path) -> Option<Auth> {
    let path = resolve(r.filled(TOKEN_FILE)?, file);
    match std::fs::read_to_string(&path) {
        Err(error) => r.fault(TOKEN_FILE, format!("cannot be read: {}", error.kind())),
        // A file that is being rewritten is empty for a moment; the client waits for it.
        Ok(text) if text.trim().contains(char::is_control) => {
            r.fault(
                TOKEN_FILE,
                "names a file with more than one line or a control character",
            );
        }
        Ok(_) => {}
    }
    Some(Auth::BearerFile(path))
}

fn basic(r: &mut Reader<'_>) -> Option<Auth> {
    let (user, password) = (r.filled(USER), secret(r, "FHIR_SERVER_PASS"));
    if user.is_some_and(|user| user.contains(|c: char| c == ':' || c.is_control())) {
        r.fault(USER, "holds a colon or a control character, which cannot be sent");
    }
    let (user, password) = user.zip(password)?;
    Some(Auth::Basic {
        user: user.to_owned(),
        password,
    })
}

/// A secret of one line.
fn secret(r: &mut Reader<'_>, key: &str) -> Option<Secret> {
    let text = r.filled(key)?;
    if text.contains(char::is_control) {
        r.fault(key, "holds a line end or another control character");
    }
    Some(Secret::new(text))
}

/// A URL to which a secret is sent.
fn url(r: &mut Reader<'_>, key: &str) -> Option<String> {
    let url = r.filled(key)?.trim().to_owned();
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let is_host = |rest: &str| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !host.is_empty() && !host.contains('@')
    };
    if !rest.is_some_and(is_host) || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        r.fault(
            key,
            "must be http:// or https:// and a host, without user and password in it",
        );
    }
    Some(url)
}
