//! From settings to a run.

use std::time::Duration;

use cds_hub::Hub;
use cds_hub::semaphore::LockOptions;
use fhir_crack::search::{Client, Search};
use jiff::tz::TimeZone;
use table_description::Description;

use super::ask::outline::outline as requests_outline;
use super::reach::{self, Patience};
use super::who::ward_request::{Dates, request};
use super::{Run, Scope};
use crate::config::{Settings, Wards};
use crate::error::hub_error;
use crate::progress::Progress;
use crate::{Error, ErrorKind, Result, Summary};

/// A server and a hub that can be used, and the description that a run between them follows.
#[derive(Debug)]
pub struct Connected {
    /// The FHIR server.
    pub client: Client,
    /// The hub.
    pub hub: Hub,
    /// The tables: those given, else those the hub was made for.
    pub description: Description,
}

impl Connected {
    /// A run between the two.
    pub fn run<'r>(
        &'r self,
        settings: &'r Settings,
        scope: &'r Scope,
        progress: &'r dyn Progress,
    ) -> Run<'r> {
        Run {
            settings,
            description: &self.description,
            client: &self.client,
            hub: &self.hub,
            scope,
            progress,
        }
    }
}

/// Connects to server and hub as configured and runs once, in a directory of its own. Without a description the run follows
/// that of the hub.
///
/// # Errors
/// When either cannot be reached, and whatever [`Run::execute`] says.
pub async fn from_settings(
    settings: &Settings,
    description: Option<Description>,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Summary> {
    let connected = connect_telling(settings, description, progress).await?;
    connected.run(settings, scope, progress).execute().await
}

/// Connects to server and hub as configured; see [`connect_telling`], which says why it waits.
///
/// # Errors
/// When the settings cannot be used or the hub cannot be reached; the server is asked by the first search.
pub async fn connect(settings: &Settings) -> Result<(Client, Hub)> {
    let client = client(settings)?;
    let hub = reach::hub(&settings.database, Patience::silent()).await?;
    Ok((client, hub))
}

/// Connects to server and hub as configured, and looks whether both can be used, with this description or that of the hub: what is not there is told at every try,
/// what is not as it should be is refused before anything is asked or written.
///
/// # Errors
/// When the settings cannot be used, server or hub cannot be reached in time, or the hub has not the tables of the
/// description. Each names the place and what to do.
pub async fn connect_telling(
    settings: &Settings,
    description: Option<Description>,
    progress: &dyn Progress,
) -> Result<Connected> {
    let told = |text: &str| progress.note(text);
    let patience = Patience {
        wait: Duration::from_secs(settings.wait_seconds.unwrap_or(30)),
        told: &told,
    };
    let client = client(settings)?;
    let hub = reach::hub(&settings.database, patience).await?;
    let teller = progress.teller();
    let hub = hub.telling(move |waiting| teller(&waiting.to_string()));
    let description = match description {
        Some(description) => description,
        None => described(&hub).await?,
    };
    reach::fits(&hub, &description, &settings.database).await?;
    reach::server(&settings.server, patience).await?;
    learn(&client).await;
    Ok(Connected {
        client,
        hub,
        description,
    })
}

/// The description that a hub was made for; ours where the database is no hub of this release, which
/// [`reach::fits`] then says.
pub(crate) async fn described(hub: &Hub) -> Result<Description> {
    let tables = hub.tables().await;
    Ok(tables
        .map_err(|e| hub_error("reading the hub's description", e))?
        .fhir)
}

/// How long the server may take to say what it can do.
const STATEMENT: Duration = Duration::from_secs(10);

/// Asks the server what it can do, so that searches whose parameters it knows ask to be refused rather than to be answered
/// without one of them. A server that does not say it is asked all the same.
async fn learn(client: &Client) {
    match tokio::time::timeout(STATEMENT, client.capability()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::info!("no capability statement: {}", error.kind()),
        Err(_) => tracing::info!("no capability statement in {} s", STATEMENT.as_secs()),
    }
}

impl Run<'_> {
    /// How long to wait for the hub's lock: as configured, else without end.
    pub(super) fn lock_options(&self) -> LockOptions {
        LockOptions {
            patience: self.settings.wait_seconds.map(Duration::from_secs),
            ..LockOptions::default()
        }
    }
}

fn client(settings: &Settings) -> Result<Client> {
    settings
        .server
        .client()
        .map_err(|e| Error::new(ErrorKind::Search, "the FHIR server's settings cannot be used").because(e))
}

/// The request that finds the encounters of the wards, as `--dry-run` shows it.
#[must_use]
pub fn first_request(settings: &Settings, zone: &TimeZone) -> Search {
    request(settings, zone, &Dates::Configured)
}

/// All requests of a run, one line each, as `--dry-run` shows them: the search for wards, and one request a resource type with
/// the ids and moments left open that only the answers and the hub tell. Nothing is sent.
#[must_use]
pub fn outline(settings: &Settings, description: &Description, zone: &TimeZone) -> Vec<String> {
    let mut lines = Vec::new();
    if let Wards::Patterns(_) = settings.wards {
        lines.push(format!("GET Encounter?{}", first_request(settings, zone).query()));
    }
    lines.extend(requests_outline(settings, description, zone));
    lines
}
