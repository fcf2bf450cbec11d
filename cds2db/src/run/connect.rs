//! From settings to a run.

use std::time::Duration;

use cds_hub::{Hub, HubOptions};
use fhir_crack::search::{Auth, Client, ClientOptions, Format, Search, Secret, Timeouts};
use jiff::tz::TimeZone;
use table_description::Description;

use super::ask::outline::outline as requests_outline;
use super::who::ward_request::{Dates, request};
use super::{Run, RunDirectory, Scope};
use crate::config::{ServerSettings, Settings, Wards};
use crate::progress::Progress;
use crate::{Error, ErrorKind, Result, Summary};

/// Connects to server and hub as configured and runs once.
///
/// # Errors
/// When either cannot be reached, and whatever [`Run::execute`] says.
pub async fn from_settings(
    settings: &Settings,
    description: &Description,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Summary> {
    from_settings_in(settings, description, scope, progress, None).await
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
    directory: Option<&RunDirectory>,
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
    match directory {
        Some(directory) => run.execute_in(directory).await,
        None => run.execute().await,
    }
}

/// Connects to server and hub as configured.
///
/// # Errors
/// When the settings cannot be used or the hub cannot be reached; the server is asked by the first search.
pub async fn connect(settings: &Settings) -> Result<(Client, Hub)> {
    let client = client(&settings.server)?;
    let database = &settings.database;
    let url = format!(
        "postgres://{}@{}:{}/{}",
        database.user, database.host, database.port, database.name
    );
    let options = HubOptions {
        password: Some(database.password.clone()),
        ..HubOptions::new(url)
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

fn client(server: &ServerSettings) -> Result<Client> {
    let failed = |e| Error::new(ErrorKind::Search, "the FHIR server's settings cannot be used").because(e);
    let total = Duration::from_secs(server.timeout_seconds);
    let timeouts = Timeouts {
        total,
        idle: total,
        ..Timeouts::default()
    };
    let options = ClientOptions::new(&server.endpoint)
        .map_err(failed)?
        .auth(auth(server))
        .format(if server.xml { Format::Xml } else { Format::Json })
        .timeouts(timeouts)
        .limits(|limits| {
            limits.url_bytes = server.max_url_length;
            limits.url_reserve = 0;
            if let Ok(most @ 1..) = u32::try_from(server.max_cores) {
                limits.lanes = most;
            }
        });
    Client::new(options).map_err(failed)
}

/// A token in the file wins over a fixed one, and one that can be fetched anew over both; user and password come last.
fn auth(server: &ServerSettings) -> Auth {
    let token = || server.token.clone().map(Secret::new);
    if let Some((url, user, password)) = &server.token_refresh {
        let login = (!user.is_empty()).then(|| (user.clone(), Secret::new(password.clone())));
        return Auth::TokenUrl {
            url: Secret::new(url.clone()),
            login,
            token: token(),
        };
    }
    match (&server.token_file, token(), &server.basic) {
        (Some(file), ..) => Auth::BearerFile(file.clone()),
        (None, Some(token), _) => Auth::Bearer(token),
        (None, None, Some((user, password))) => Auth::Basic {
            user: user.clone(),
            password: Secret::new(password.clone()),
        },
        (None, None, None) => Auth::None,
    }
}
