use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The secret that stands for a user of a project; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// This secret.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// In which form records are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// CSV, the smaller one.
    #[default]
    Csv,
    /// JSON, for servers whose CSV is not to be trusted.
    Json,
}

impl Format {
    /// Its name in requests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// How much is asked for at once, and how long it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most records a request asks for or sends.
    pub records: usize,
    /// Most cells (records × fields) a request asks for.
    pub cells: usize,
    /// How often a request is sent before it counts as failed.
    pub attempts: u32,
    /// Pause before the second attempt; doubled for each further one.
    pub pause: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl Default for Limits {
    /// 100 records and 30,000 cells, 6 attempts with pauses from half a second, 300 s.
    fn default() -> Self {
        Self {
            records: 100,
            cells: 30_000,
            attempts: 6,
            pause: Duration::from_millis(500),
            timeout: Duration::from_secs(300),
        }
    }
}

/// How to reach a project.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// Address of the interface, such as `https://redcap.example/api/`.
    pub url: String,
    /// The project's token.
    pub token: Token,
    /// Certificate of the authority that signed the server's; those of the system are trusted too.
    pub ca_file: Option<PathBuf>,
    /// In which form records are asked for.
    pub format: Format,
    /// Amounts and patience.
    pub limits: Limits,
}

impl Options {
    /// This project with the defaults.
    #[must_use]
    pub fn new(url: impl Into<String>, token: Token) -> Self {
        Self {
            url: url.into(),
            token,
            ca_file: None,
            format: Format::default(),
            limits: Limits::default(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        f.debug_struct("Options")
            .field("format", &self.format)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
