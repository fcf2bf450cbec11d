use std::path::PathBuf;

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::{Hub, HubTables};
use fixtures::hospital::Hospital;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::Failure;
use crate::arguments::Format;
use crate::meter::Processes;
use crate::served::Served;

/// A hospital, its FHIR server and a private PostgreSQL; all gone when it is dropped.
pub struct Site {
    cluster: Cluster,
    served: Served,
    directory: Directory,
    hospital: Hospital,
    format: Format,
    database: Processes,
}

/// Removed with everything in it when dropped, after what lies in it has ended.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

impl Site {
    /// Starts both servers.
    pub async fn open(seed: u64, resources: u64, format: Format) -> Result<Self, Failure> {
        let name = format!("benches-{}-{resources}", std::process::id());
        let directory = Directory(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&directory.0)?;
        let cluster = Cluster::open(&directory.0.join("postgres"), &ClusterOptions::supervised())?;
        let served = Served::start(seed, resources)?;
        let mut connection = PgConnection::connect(&cluster.url()).await?;
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut connection)
            .await?;
        let database = Processes::of_parent(u32::try_from(backend)?)?;
        connection.close().await?;
        Ok(Self {
            cluster,
            served,
            directory,
            hospital: Hospital::sized(seed, resources),
            format,
            database,
        })
    }

    /// A hub without rows in a database of this name.
    pub async fn hub(&self, name: &str) -> Result<Hub, Failure> {
        let mut admin = PgConnection::connect(&self.cluster.url_of("postgres")).await?;
        admin
            .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .await?;
        admin.close().await?;
        let hub = Hub::connect(&self.cluster.url_of(name)).await?;
        hub.init(&HubTables::standard()).await?;
        Ok(hub)
    }

    /// The URL of a database; holds the password.
    pub fn url_of(&self, database: &str) -> String {
        self.cluster.url_of(database)
    }

    /// Drops a database nobody uses any more.
    pub async fn forget(&self, name: &str) -> Result<(), Failure> {
        let mut admin = PgConnection::connect(&self.cluster.url_of("postgres")).await?;
        admin
            .execute(AssertSqlSafe(format!("DROP DATABASE {name} (FORCE)")))
            .await?;
        admin.execute("CHECKPOINT").await?;
        admin.close().await?;
        Ok(())
    }

    /// Writes the configuration of a client that loads these patients into this database, as a site would.
    pub fn configuration(
        &self,
        database: &str,
        patients: impl Iterator<Item = u32>,
        workers: u32,
    ) -> Result<PathBuf, Failure> {
        let path = |suffix: &str| self.directory.0.join(format!("{database}-{suffix}"));
        let list: String = patients.map(|n| format!("{}\n", self.patient(n))).collect();
        std::fs::write(path("patients.txt"), format!("ward_name = 'All'\n{list}"))?;
        let line = std::fs::read_to_string(self.cluster.password_file())?;
        let url = self.cluster.url_of(database);
        let user = url
            .split("//")
            .nth(1)
            .and_then(|rest| rest.split(':').next())
            .ok_or("no user in the URL")?;
        std::fs::write(
            path("hub.toml"),
            format!(
                "DB_HOST = '127.0.0.1'\nDB_PORT = {}\nDB_NAME = '{database}'\nDB_CDS2DB_USER = '{user}'\nDB_CDS2DB_PASSWORD = '{}'\n",
                self.cluster.port(),
                line.trim(),
            ),
        )?;
        let file = path("cds2db.toml");
        std::fs::write(
            &file,
            format!(
                "FHIR_SERVER_ENDPOINT = '{}'\nFHIR_FORMAT = '{}'\nCOUNT_PER_BUNDLE = {PAGE}\nIDS_AT_ONCE = {IDS}\n\
                 MAX_CORES = {workers}\nPATH_TO_PID_LIST_FILE = '{}'\nPATH_TO_DB_CONFIG_TOML = '{}'\n",
                self.served.base(),
                self.format.word(),
                path("patients.txt").display(),
                path("hub.toml").display(),
            ),
        )?;
        Ok(file)
    }

    /// How many patients the hospital has.
    pub fn patients(&self) -> u32 {
        self.hospital.patients()
    }

    /// The FHIR id of a patient by his number, counted from 0.
    pub fn patient(&self, number: u32) -> String {
        format!("pat-{number}")
    }

    /// The wire format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Address of the FHIR server.
    pub fn base(&self) -> &str {
        self.served.base()
    }

    /// The FHIR server's processes.
    pub fn server(&self) -> Processes {
        Processes::new(self.served.process())
    }

    /// The database's processes.
    pub fn database(&self) -> Processes {
        self.database
    }
}

/// Resources a page.
pub const PAGE: usize = 500;
/// Patients a request.
pub const IDS: usize = 100;
