use std::fmt;
use std::path::PathBuf;

use crate::search::secret::Secret;

mod credentials;
mod jwt;
mod local;
mod oauth;
mod token;

pub(crate) use credentials::{Credentials, Stamp};

/// How the client proves who it is.
///
/// Credentials are sent to the configured origin only, and to the token endpoint named here, whatever links and
/// redirects say. Tokens that can be fetched are renewed before they expire and once when the server refuses them
/// (401), by one request however many searches wait for it. `Debug` shows the kind and nothing else.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Auth {
    /// No credentials.
    #[default]
    None,
    /// HTTP basic authentication (RFC 7617).
    Basic {
        /// User name, without colon.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A fixed access token (RFC 6750).
    Bearer(Secret),
    /// An access token in a file that something else keeps fresh; read again every minute and on 401.
    BearerFile(PathBuf),
    /// A program that prints an access token; run at first need, before the token's own end and on 401.
    BearerCommand {
        /// Program, found on PATH.
        program: PathBuf,
        /// Its arguments.
        args: Vec<String>,
    },
    /// A URL that answers GET with an access token as plain text.
    TokenUrl {
        /// The URL.
        url: Secret,
        /// User and password for basic authentication there.
        login: Option<(String, Secret)>,
        /// A token to begin with.
        token: Option<Secret>,
    },
    /// OAuth 2.0 client credentials (RFC 6749, 4.4).
    ClientCredentials(OAuth),
    /// OAuth 2.0 or OIDC refresh token (RFC 6749, 6); a new refresh token in an answer replaces the old one.
    RefreshToken {
        /// The client and its token endpoint; the secret is left empty for a public client.
        client: OAuth,
        /// Refresh token to begin with.
        refresh_token: Secret,
    },
    /// SMART Backend Services: client credentials with a signed JWT (<https://hl7.org/fhir/smart-app-launch/backend-services.html>).
    SmartBackend(SmartBackend),
}

/// A client registered at an OAuth 2.0 token endpoint.
#[derive(Clone, Debug)]
pub struct OAuth {
    /// Token endpoint.
    pub token_url: String,
    /// Client id.
    pub client_id: String,
    /// Client secret, sent by basic authentication; empty for a public client.
    pub client_secret: Secret,
    /// Scope to ask for; empty for the endpoint's default.
    pub scope: String,
    /// Sends the secret in the form instead of the header, for endpoints that want it there.
    pub secret_in_form: bool,
}

/// A client registered with its public key.
#[derive(Clone, Debug)]
pub struct SmartBackend {
    /// Token endpoint; also the audience of the JWT.
    pub token_url: String,
    /// Client id.
    pub client_id: String,
    /// Private key, PEM: RSA (signs RS384; PKCS #8 or PKCS #1) or P-384 (signs ES384; PKCS #8).
    pub key: Secret,
    /// Id of the key in the registered key set; empty to leave it out.
    pub key_id: String,
    /// Scope to ask for, such as `system/*.read`.
    pub scope: String,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Auth::None => "None",
            Auth::Basic { .. } => "Basic",
            Auth::Bearer(_) => "Bearer",
            Auth::BearerFile(_) => "BearerFile",
            Auth::BearerCommand { .. } => "BearerCommand",
            Auth::TokenUrl { .. } => "TokenUrl",
            Auth::ClientCredentials(_) => "ClientCredentials",
            Auth::RefreshToken { .. } => "RefreshToken",
            Auth::SmartBackend(_) => "SmartBackend",
        })
    }
}
