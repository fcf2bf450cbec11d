//! Tries what a configuration names, and says each as a line.

use std::time::Duration;

use cds_hub::Hub;
use fhir_crack::search::{Client, Search};
use serde_json::{Value, json};

use super::describe;
use crate::config::{Settings, login_in_words};
use crate::run::described;
use crate::run::reach::{self, Patience};
use crate::{Error, ErrorKind, Result};

/// What was tried.
#[derive(Default)]
pub(super) struct Tried {
    /// One object a line: what, whether it works, what was found.
    pub(super) lines: Vec<Value>,
    /// Whether anything does not work.
    pub(super) failed: bool,
    quiet: bool,
}

/// Tries server, credentials, database, role and tables; what fails says what to do and does not stop the rest.
pub(super) fn check(settings: &Settings, quiet: bool) -> Result<Tried> {
    super::block_on(async {
        let mut tried = Tried {
            quiet,
            ..Tried::default()
        };
        server(settings, &mut tried).await;
        hub(settings, &mut tried).await;
        Ok(tried)
    })
}

/// At once, since somebody watches.
pub(super) fn impatient() -> Patience<'static> {
    Patience {
        wait: Duration::ZERO,
        told: &|_| {},
    }
}

async fn server(settings: &Settings, tried: &mut Tried) {
    let endpoint = &settings.server.endpoint;
    let reached = reach::server(&settings.server, impatient()).await;
    if !tried.says("server", reached.map(|()| format!("{endpoint} answers"))) {
        return;
    }
    let failed = |what: &str| {
        let text = what.to_owned();
        move |e| Error::new(ErrorKind::Search, text).because(e)
    };
    let client = match settings.server.client() {
        Ok(client) => client,
        Err(e) => {
            tried.says("server", Err(failed("its settings cannot be used")(e)));
            return;
        }
    };
    // A server may do without one; what counts is the search behind it.
    let software = match client.capability().await {
        Ok(found) => {
            let name = [found.software.name.as_str(), found.software.version.as_str()].join(" ");
            format!(
                "FHIR {}, {}",
                found.fhir_version,
                if name.trim().is_empty() {
                    "software not named"
                } else {
                    name.trim()
                }
            )
        }
        Err(_) => "no CapabilityStatement at /metadata".to_owned(),
    };
    tried.says("software", Ok(software));
    let login = login_in_words(&settings.server.login);
    let search = tried_search(&client).await;
    let search = search.map_err(failed(
        "Encounter cannot be searched; look at the credentials and what they may read",
    ));
    tried.says(
        "credentials",
        search.map(|n| format!("{login}; the server counts {n} encounters")),
    );
}

/// How many encounters the server lets this program see.
async fn tried_search(client: &Client) -> std::result::Result<u64, fhir_crack::search::Error> {
    client.count(Search::new("Encounter")).await
}

async fn hub(settings: &Settings, tried: &mut Tried) {
    let database = &settings.database;
    let opened = reach::hub(database, impatient()).await;
    let hub: Hub = match opened {
        Ok(hub) => hub,
        Err(error) => {
            tried.says("database", Err(error));
            return;
        }
    };
    let place = format!(
        "{} at {} lets {} in",
        database.name,
        database.place(),
        database.user
    );
    tried.says("database", Ok(place));
    let fits = async {
        let description = match describe::given(None, settings)? {
            Some(description) => description,
            None => described(&hub).await?,
        };
        reach::fits(&hub, &description, database).await?;
        Ok::<_, Error>(format!(
            "has the {} tables of the description",
            description.tables.len()
        ))
    };
    tried.says("hub", fits.await);
    hub.close().await;
}

impl Tried {
    /// Keeps and prints a line; whether it is a good one.
    fn says(&mut self, what: &str, result: Result<String>) -> bool {
        let works = result.is_ok();
        self.failed |= !works;
        let mut lines = Vec::new();
        match result {
            Ok(text) => lines.push(text),
            Err(error) => {
                lines.push(error.to_string());
                let mut cause = std::error::Error::source(&error);
                while let Some(level) = cause {
                    lines.push(level.to_string());
                    cause = level.source();
                }
            }
        }
        if !self.quiet {
            let word = if works { "ok" } else { "FAILED" };
            for (i, line) in lines.iter().enumerate() {
                match i {
                    0 => println!("{word:<6}  {what:<12} {line}"),
                    _ => println!("        because      {line}"),
                }
            }
        }
        self.lines
            .push(json!({"what": what, "works": works, "said": lines}));
        works
    }
}
