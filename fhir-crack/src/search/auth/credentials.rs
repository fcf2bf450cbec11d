use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Url};
use tokio::sync::Mutex;

use super::jwt::Signer;
use super::token::Token;
use super::{Auth, OAuth, SmartBackend, local, oauth};
use crate::search::error::{Error, ErrorKind, Fault};
use crate::search::secret::Secret;

/// How long a token file is trusted before it is read again.
const FILE_LIFE: Duration = Duration::from_secs(60);

/// The header that proves who the client is, and its renewal.
pub(crate) struct Credentials {
    source: Source,
    http: reqwest::Client,
    patience: Duration,
    /// Held while a token is fetched, so that all who wait share one fetch.
    state: Mutex<State>,
}

/// Which token a request was sent with, so that many refusals of one token renew it once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

enum Source {
    /// Nothing to fetch.
    Fixed(Option<HeaderValue>),
    File(PathBuf),
    Command(PathBuf, Vec<String>),
    Text(Url, Option<(String, Secret)>),
    ClientCredentials(Url, OAuth),
    RefreshToken(Url, OAuth),
    Smart(Url, SmartBackend, Signer),
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    refresh: Option<Secret>,
    stamp: u64,
}

impl Credentials {
    pub(crate) fn new(auth: Auth, http: reqwest::Client, patience: Duration) -> Result<Credentials, Error> {
        let mut state = State::default();
        let source = match auth {
            Auth::None => Source::Fixed(None),
            Auth::Basic { user, password } => Source::Fixed(Some(basic(&user, &password)?)),
            Auth::Bearer(token) => {
                let token = Token::new(&token, None).ok_or_else(unsendable)?;
                Source::Fixed(Some(token.header))
            }
            Auth::BearerFile(path) => Source::File(path),
            Auth::BearerCommand { program, args } => Source::Command(program, args),
            Auth::TokenUrl { url, login, token } => {
                if let Some(token) = token.filter(|token| !token.is_empty()) {
                    state.token = Some(Token::new(&token, None).ok_or_else(unsendable)?);
                }
                Source::Text(oauth::endpoint(url.expose())?, login)
            }
            Auth::ClientCredentials(client) => {
                Source::ClientCredentials(oauth::endpoint(&client.token_url)?, client)
            }
            Auth::RefreshToken {
                client,
                refresh_token,
            } => {
                state.refresh = Some(refresh_token);
                Source::RefreshToken(oauth::endpoint(&client.token_url)?, client)
            }
            Auth::SmartBackend(client) => {
                let signer = Signer::read(&client.key)?;
                Source::Smart(oauth::endpoint(&client.token_url)?, client, signer)
            }
        };
        Ok(Credentials {
            source,
            http,
            patience,
            state: Mutex::new(state),
        })
    }

    /// The header to send now, after a renewal where the token's end is near.
    pub(crate) async fn header(&self) -> Result<(Option<HeaderValue>, Stamp), Fault> {
        if let Source::Fixed(header) = &self.source {
            return Ok((header.clone(), Stamp(0)));
        }
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_none_or(Token::wants_renewal)
            && let Err(fault) = self.fetch(&mut state).await
        {
            // a token that still works outlives a token endpoint that does not
            if state.token.as_ref().is_none_or(Token::has_ended) {
                return Err(fault);
            }
            tracing::warn!("token could not be renewed before its end, the old one is still used");
        }
        Ok((
            state.token.as_ref().map(|token| token.header.clone()),
            Stamp(state.stamp),
        ))
    }

    /// Whether a refused token can be replaced.
    pub(crate) fn can_renew(&self) -> bool {
        !matches!(self.source, Source::Fixed(_))
    }

    /// Replaces the token that `stale` stands for; if that has happened already, nothing is fetched.
    pub(crate) async fn renew(&self, stale: Stamp) -> Result<(), Fault> {
        let mut state = self.state.lock().await;
        if Stamp(state.stamp) == stale {
            self.fetch(&mut state).await
        } else {
            Ok(())
        }
    }

    async fn fetch(&self, state: &mut State) -> Result<(), Fault> {
        let (value, life) = match &self.source {
            Source::Fixed(_) => return Ok(()),
            Source::File(path) => (local::from_file(path).await?, Some(FILE_LIFE)),
            Source::Command(program, args) => (local::from_command(program, args).await?, None),
            Source::Text(url, login) => {
                let mut request = self.http.get(url.clone());
                if let Some((user, password)) = login {
                    request = request.basic_auth(user, Some(password.expose()));
                }
                (oauth::text(request, self.patience).await?, None)
            }
            Source::ClientCredentials(url, client) => {
                let pairs = [
                    ("grant_type", "client_credentials"),
                    ("scope", client.scope.as_str()),
                ];
                self.granted(self.as_client(url, client, &pairs), state).await?
            }
            Source::RefreshToken(url, client) => {
                let request = {
                    let refresh = state.refresh.as_ref().map_or("", Secret::expose);
                    let scope = client.scope.as_str();
                    self.as_client(
                        url,
                        client,
                        &[
                            ("grant_type", "refresh_token"),
                            ("refresh_token", refresh),
                            ("scope", scope),
                        ],
                    )
                };
                self.granted(request, state).await?
            }
            Source::Smart(url, client, signer) => {
                let assertion = signer
                    .assertion(&client.client_id, &client.key_id, client.token_url.trim())
                    .ok_or_else(|| Fault::fatal(ErrorKind::Token))?;
                let form = oauth::form(&[
                    ("grant_type", "client_credentials"),
                    ("scope", &client.scope),
                    (
                        "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    ),
                    ("client_assertion", assertion.expose()),
                ]);
                self.granted(self.post(url, form), state).await?
            }
        };
        state.token = Some(Token::new(&value, life).ok_or_else(|| Fault::fatal(ErrorKind::Token))?);
        state.stamp += 1;
        tracing::debug!("access token fetched");
        Ok(())
    }

    async fn granted(
        &self,
        request: RequestBuilder,
        state: &mut State,
    ) -> Result<(Secret, Option<Duration>), Fault> {
        let grant = oauth::grant(request, self.patience).await?;
        if let Some(refresh) = grant.refresh() {
            state.refresh = Some(refresh);
        }
        Ok((grant.access(), grant.life()))
    }

    fn as_client(&self, url: &Url, client: &OAuth, pairs: &[(&str, &str)]) -> RequestBuilder {
        let mut pairs = pairs.to_vec();
        let in_header = !client.secret_in_form && !client.client_secret.is_empty();
        if !in_header {
            pairs.push(("client_id", &client.client_id));
            pairs.push(("client_secret", client.client_secret.expose()));
        }
        let request = self.post(url, oauth::form(&pairs));
        if in_header {
            // RFC 6749, 2.3.1: both are form-encoded before they are joined
            let encoded = |text: &str| {
                let mut out = String::new();
                crate::search::url::encoding::encode_into(&mut out, text);
                out
            };
            return request.basic_auth(
                encoded(&client.client_id),
                Some(encoded(client.client_secret.expose())),
            );
        }
        request
    }

    fn post(&self, url: &Url, form: String) -> RequestBuilder {
        self.http
            .post(url.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
    }
}

fn basic(user: &str, password: &Secret) -> Result<HeaderValue, Error> {
    if user.contains(':') {
        return Err(Error::configuration(
            "a user name for basic authentication must not hold a colon",
        ));
    }
    let code = STANDARD.encode(format!("{user}:{}", password.expose()));
    let mut value = HeaderValue::try_from(format!("Basic {code}")).map_err(|_| unsendable())?;
    value.set_sensitive(true);
    Ok(value)
}

fn unsendable() -> Error {
    Error::configuration("the credentials are empty or hold characters that cannot be sent")
}
