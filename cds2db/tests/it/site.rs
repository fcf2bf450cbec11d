//! A site in small: the test server, a database of one's own, and runs of the library against them.

use std::time::Duration;

use cds_hub::Hub;
use cds2db::config::{Settings, Wards};
use cds2db::progress::Silent;
use cds2db::run::{Run, RunDirectory, Scope};
use cds2db::ward::WardDefinition;
use cds2db::{Result, Summary};
use fhir_crack::search::{Client, ClientOptions, RetryPolicy};
use fixtures::hospital::Hospital;
use fixtures::server::{Server, ServerOptions};
use table_description::{Description, default_description};
use test_hub::{Database, TestServer};

use crate::select::select;

static SERVER: TestServer =
    TestServer::new(env!("CARGO_TARGET_TMPDIR"), "cds2db-it").supervised(env!("CARGO_BIN_EXE_cds2db"));

/// A hospital, its FHIR server and its hub.
pub(crate) struct Site {
    pub server: Server,
    pub hub: Hub,
    pub settings: Settings,
    /// URL of the hub's database, with its password.
    pub database_url: String,
    /// Dropped with the site.
    _database: Database,
}

impl Site {
    /// With the hub of this release.
    pub(crate) async fn open(hospital: Hospital) -> Self {
        let (hub, database) = SERVER.hub().await.into_parts();
        Self::on(hospital, hub, database)
    }

    /// With a database that the caller makes a hub.
    pub(crate) async fn open_with(hospital: Hospital, make: impl AsyncFnOnce(&Hub)) -> Self {
        let database = SERVER.database().await;
        let hub = Hub::connect(&database.url).await.expect("connects");
        make(&hub).await;
        Self::on(hospital, hub, database)
    }

    fn on(hospital: Hospital, hub: Hub, database: Database) -> Self {
        let settings = settings(&hospital);
        let server = Server::start(hospital, ServerOptions::default()).expect("a FHIR server");
        Self {
            server,
            hub,
            settings,
            database_url: database.url.clone(),
            _database: database,
        }
    }

    /// A client that gives up soon.
    pub(crate) fn client(&self) -> Client {
        let retry = RetryPolicy {
            attempts: 2,
            base: Duration::from_millis(10),
            ..RetryPolicy::default()
        };
        let options = ClientOptions::new(self.server.base_url())
            .expect("a base URL")
            .retry(retry);
        Client::new(options).expect("a client")
    }

    /// Runs once.
    pub(crate) async fn run(&self) -> Result<Summary> {
        self.run_with(&self.client()).await
    }

    /// Runs once, with a client of the caller's.
    pub(crate) async fn run_with(&self, client: &Client) -> Result<Summary> {
        let description = default_description();
        self.patients(&description, client).execute().await
    }

    /// Runs once, in a directory.
    pub(crate) async fn run_in(&self, directory: &RunDirectory) -> Result<Summary> {
        let (description, client) = (default_description(), self.client());
        self.patients(&description, &client).execute_in(directory).await
    }

    /// Runs once, in a directory, with a client of the caller's.
    pub(crate) async fn run_at(&self, directory: &RunDirectory, client: &Client) -> Result<Summary> {
        let description = default_description();
        self.patients(&description, client).execute_in(directory).await
    }

    /// Runs once, in a directory of its own below `base`, and keeps the standing whole there.
    pub(crate) async fn run_kept(&self, base: &std::path::Path) -> Result<Summary> {
        let options = cds2db::run::DirectoryOptions {
            fresh: true,
            ..Default::default()
        };
        self.run_kept_in(base, &RunDirectory::open(base, options)?).await
    }

    /// Runs once in this directory, and keeps the standing whole below `base`.
    pub(crate) async fn run_kept_in(
        &self,
        base: &std::path::Path,
        directory: &RunDirectory,
    ) -> Result<Summary> {
        let (description, client) = (default_description(), self.client());
        let run = self.patients(&description, &client);
        run.execute_kept(base, directory).await
    }

    /// The daily run of this site.
    pub(crate) fn patients<'r>(&'r self, description: &'r Description, client: &'r Client) -> Run<'r> {
        Run {
            settings: &self.settings,
            description,
            client,
            hub: &self.hub,
            scope: &Scope::Patients,
            progress: &Silent,
        }
    }

    /// The single value of a query.
    pub(crate) async fn value(&self, sql: &str) -> Option<String> {
        let rows = select(&self.hub, sql).await;
        rows.into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten())
    }

    pub(crate) async fn count(&self, sql: &str) -> u64 {
        self.value(sql).await.expect("a count").parse().expect("a number")
    }

    /// One line a stored raw version, without what differs between hubs.
    pub(crate) async fn content(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for table in default_description().tables {
            for name in [format!("{}_raw", table.name), table.name.clone()] {
                let sql = format!("SELECT '{name} ' || hash_index_col FROM db_log.{name}");
                let rows = select(&self.hub, &sql).await;
                lines.extend(
                    rows.into_iter()
                        .filter_map(|row| row.into_iter().next().flatten()),
                );
            }
        }
        lines.sort();
        lines
    }
}

fn settings(hospital: &Hospital) -> Settings {
    let mut settings = Settings::default();
    settings.server.ids_at_once = 7;
    settings.server.count = Some(40);
    settings.encounters.status = "in-progress".to_owned();
    settings.encounters.classes = vec!["IMP".to_owned(), "SS".to_owned()];
    let wards: Vec<_> = hospital
        .wards()
        .iter()
        .enumerate()
        .map(|(i, ward)| {
            let condition = format!("location/location/reference -> name = '(^| ~ ){ward}($| ~ )'");
            (
                format!("ENCOUNTER_FILTER_PATTERN_{i}"),
                vec![format!("ward_name = '{ward}'"), condition],
            )
        })
        .collect();
    settings.wards = Wards::Patterns(WardDefinition::read_all(&wards).expect("wards"));
    settings
}
