//! From settings to a run.

use cds_hub::{Hub, HubOptions};
use fhir_crack::search::{Client, Search};
use jiff::tz::TimeZone;
use table_description::Description;

use super::ask::outline::outline as requests_outline;
use super::who::ward_request::{Dates, request};
use super::{Run, RunDirectory, Scope};
use crate::config::{Settings, Wards};
use crate::progress::Progress;
use crate::{Error, ErrorKind, Result, Summary};

/// Connects to server and hub as configured and runs once, in a directory of its own.
///
/// # Errors
/// When either cannot be reached, and whatever [`Run::execute`] says.
pub async fn from_settings(
    settings: &Settings,
    description: &Description,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Summary> {
    let (client, hub) = connect(settings).await?;
    let run = Run {
        settings,
        description,
        client: &client,
        hub: &hub,
        scope,
        progress,
    };
    run.execute().await
}

/// The same in a directory that keeps what was fetched, so that a run that is killed goes on there.
///
/// # Errors
/// As [`from_settings`], and when the directory cannot be used.
pub async fn from_settings_in(
    settings: &Settings,
    description: &Description,
    scope: &Scope,
    progress: &dyn Progress,
    directory: &RunDirectory,
) -> Result<Summary> {
    let (client, hub) = connect(settings).await?;
    let run = Run {
        settings,
        description,
        client: &client,
        hub: &hub,
        scope,
        progress,
    };
    run.execute_in(directory).await
}

/// Connects to server and hub as configured.
///
/// # Errors
/// When the settings cannot be used or the hub cannot be reached; the server is asked by the first search.
pub async fn connect(settings: &Settings) -> Result<(Client, Hub)> {
    let client = settings
        .server
        .client()
        .map_err(|e| Error::new(ErrorKind::Search, "the FHIR server's settings cannot be used").because(e))?;
    let options = HubOptions {
        password: settings.database.password.clone(),
        ..HubOptions::new(settings.database.url())
    };
    let hub = Hub::open(&options)
        .await
        .map_err(|e| Error::new(ErrorKind::Hub, "connecting to the hub").because(e))?;
    Ok((client, hub))
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
