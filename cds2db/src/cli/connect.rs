//! Tries what a configuration names, and says each as a line.

use std::process::ExitCode;
use std::time::Duration;

use cds_hub::Hub;
use fhir_crack::search::{Client, Search};
use site_config::exit_code;

use super::describe;
use crate::config::{Settings, login_in_words};
use crate::run::described;
use crate::run::reach::{self, Patience};
use crate::{Error, ErrorKind, Result};

/// Tries server, credentials, database, role and tables; what fails says what to do and does not stop the rest.
pub(super) fn check(settings: &Settings) -> Result<ExitCode> {
    let works = super::block_on(async {
        let server = server(settings).await;
        let hub = hub(settings).await;
        Ok(server && hub)
    })?;
    let code = if works { exit_code::DONE } else { exit_code::FAILED };
    Ok(ExitCode::from(code))
}

/// At once, since somebody watches.
fn impatient() -> Patience<'static> {
    Patience {
        wait: Duration::ZERO,
        told: &|_| {},
    }
}

async fn server(settings: &Settings) -> bool {
    let endpoint = &settings.server.endpoint;
    if !said(
        "server",
        reach::server(&settings.server, impatient())
            .await
            .map(|()| format!("{endpoint} answers")),
    ) {
        return false;
    }
    let failed = |what: &str| {
        let text = what.to_owned();
        move |e| Error::new(ErrorKind::Search, text).because(e)
    };
    let client = match settings.server.client() {
        Ok(client) => client,
        Err(e) => return said("server", Err(failed("its settings cannot be used")(e))),
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
    said("software", Ok(software));
    let login = login_in_words(&settings.server.login);
    let search = tried_search(&client).await;
    let search = search.map_err(failed(
        "Encounter cannot be searched; look at the credentials and what they may read",
    ));
    said(
        "credentials",
        search.map(|n| format!("{login}; the server counts {n} encounters")),
    )
}

/// How many encounters the server lets this program see.
async fn tried_search(client: &Client) -> std::result::Result<u64, fhir_crack::search::Error> {
    client.count(Search::new("Encounter")).await
}

async fn hub(settings: &Settings) -> bool {
    let database = &settings.database;
    let opened = reach::hub(database, impatient()).await;
    let hub: Hub = match opened {
        Ok(hub) => hub,
        Err(error) => return said("database", Err(error)),
    };
    let place = format!(
        "{} at {} lets {} in",
        database.name,
        database.place(),
        database.user
    );
    said("database", Ok(place));
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
    let fits = said("hub", fits.await);
    hub.close().await;
    fits
}

/// Prints a line; whether it is a good one.
fn said(what: &str, result: Result<String>) -> bool {
    match result {
        Ok(text) => {
            println!("ok      {what:<12} {text}");
            true
        }
        Err(error) => {
            println!("FAILED  {what:<12} {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(level) = cause {
                println!("        because      {level}");
                cause = level.source();
            }
            false
        }
    }
}
