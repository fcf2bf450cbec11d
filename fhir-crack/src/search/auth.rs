use std::fmt;

use base64::Engine;
use reqwest::header::HeaderValue;

use super::error::{Error, ErrorKind, Fault};
use super::options::Timeouts;
use super::secret::Secret;

/// How the client proves who it is.
///
/// Credentials are sent to the configured origin only, whatever links and redirects say.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Auth {
    /// No credentials.
    #[default]
    None,
    /// HTTP basic authentication.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A fixed access token.
    Bearer(Secret),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Auth::None => "None",
            Auth::Basic { .. } => "Basic(not shown)",
            Auth::Bearer(_) => "Bearer(not shown)",
        })
    }
}

/// The header that proves who the client is, and its renewal.
pub(crate) struct Credentials {
    fixed: Option<HeaderValue>,
}

/// Which token a request was sent with, so that many refusals of one token renew it once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

impl Credentials {
    pub(crate) fn new(auth: Auth, _http: reqwest::Client, _timeouts: Timeouts) -> Result<Credentials, Error> {
        let fixed = match auth {
            Auth::None => None,
            Auth::Basic { user, password } => {
                if user.contains(':') {
                    return Err(Error::configuration(
                        "a user name for basic authentication must not hold a colon",
                    ));
                }
                let pair = format!("{user}:{}", password.expose());
                let code = base64::engine::general_purpose::STANDARD.encode(pair);
                Some(header(&format!("Basic {code}"))?)
            }
            Auth::Bearer(token) => Some(header(&format!("Bearer {}", token.expose()))?),
        };
        Ok(Credentials { fixed })
    }

    pub(crate) async fn header(&self) -> Result<(Option<HeaderValue>, Stamp), Fault> {
        Ok((self.fixed.clone(), Stamp(0)))
    }

    pub(crate) fn can_renew(&self) -> bool {
        false
    }

    pub(crate) async fn renew(&self, _stale: Stamp) -> Result<(), Fault> {
        Err(Fault::fatal(ErrorKind::Unauthorized))
    }
}

fn header(text: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| Error::configuration("credentials hold characters that cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}
