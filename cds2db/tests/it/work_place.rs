//! The program on a site in small: a server, a hub, a configuration file, and a directory for its runs.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use cds_hub::Hub;
use fixtures::hospital::Hospital;
use work_dir::{Layout, Runs};

use crate::select::select;
use crate::site::Site;

/// Patients in a batch, so that types have several.
pub(crate) const IDS_AT_ONCE: usize = 4;

/// The program; `CDS2DB_PROGRAM` names a copy, so that a long campaign does not notice a new build.
pub(crate) fn program() -> Command {
    Command::new(std::env::var_os("CDS2DB_PROGRAM").unwrap_or(env!("CARGO_BIN_EXE_cds2db").into()))
}

fn hospital() -> Hospital {
    Hospital::new(11, 12)
}

/// A site, a configuration file for the program, and a directory for its runs.
pub(crate) struct Place {
    pub site: Site,
    pub directory: tempfile::TempDir,
}

impl Place {
    /// With a small hospital.
    pub(crate) async fn open() -> Self {
        Self::of(Site::open(hospital()).await)
    }

    /// On a database that the caller makes a hub.
    pub(crate) async fn open_with(make: impl AsyncFnOnce(&Hub)) -> Self {
        Self::of(Site::open_with(hospital(), make).await)
    }

    /// With a hospital of the caller's, whose wards are those of the small one.
    pub(crate) async fn open_for(store: Hospital) -> Self {
        assert_eq!(store.wards(), hospital().wards());
        Self::of(Site::open(store).await)
    }

    fn of(site: Site) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let place = Self { site, directory };
        place.configure(IDS_AT_ONCE);
        place
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("config.toml")
    }

    pub(crate) fn configure(&self, ids_at_once: usize) {
        let url = self.site.database_url.strip_prefix("postgres://").expect("a URL");
        let (login, rest) = url.split_once('@').expect("a login");
        let (user, password) = login.split_once(':').expect("a password");
        let (address, name) = rest.split_once('/').expect("a database");
        let (host, port) = address.split_once(':').expect("a port");
        let database = format!(
            "DB_HOST = \"{host}\"\nDB_PORT = {port}\nDB_NAME = \"{name}\"\nDB_CDS2DB_USER = \"{user}\"\n\
             DB_CDS2DB_PASSWORD = \"{password}\"\n"
        );
        let mut config = format!(
            "FHIR_SERVER_ENDPOINT = \"{}\"\nPATH_TO_DB_CONFIG_TOML = \"./db.toml\"\nCOUNT_PER_BUNDLE = 20\n\
             IDS_AT_ONCE = {ids_at_once}\nMAX_DIR_COUNT = 5\n",
            self.site.server.base_url()
        );
        for (i, ward) in hospital().wards().iter().enumerate() {
            config.push_str(&format!(
                "ENCOUNTER_FILTER_PATTERN_{i} = [\"ward_name = '{ward}'\", \
                 \"location/location/reference -> name = '(^| ~ ){ward}($| ~ )'\"]\n"
            ));
        }
        std::fs::write(self.directory.path().join("db.toml"), database).expect("writes");
        std::fs::write(self.config(), config).expect("writes");
    }

    pub(crate) fn command(&self, more: &[&str]) -> Command {
        let mut command = program();
        command
            .arg("run")
            .arg(self.config())
            .arg("--dir")
            .arg(self.directory.path())
            .args(more)
            .env_remove("DATABASE_URL");
        command
    }

    /// Runs to the end.
    pub(crate) fn run(&self, more: &[&str]) -> String {
        let output = self.command(more).output().expect("the program starts");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{text}");
        text
    }

    pub(crate) fn start(&self, more: &[&str]) -> Child {
        let mut command = self.command(more);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts")
    }

    pub(crate) fn layout(&self) -> Layout {
        Runs::locate(self.directory.path())
            .expect("reads")
            .expect("a run")
    }

    /// What a dead run's lock would do by itself in some seconds.
    pub(crate) async fn end_lease(&self) {
        let sql = sqlx::raw_sql("UPDATE core.lease SET expires = now() WHERE expires IS NOT NULL");
        sql.execute(self.site.hub.pool()).await.expect("ends the lease");
    }

    /// All that must not depend on whether a run was killed: rows with all their columns and what is noted beside them,
    /// watermarks, imports, and what the dataprocessor makes of them with its sources. Numbers of rows and moments differ from
    /// hub to hub.
    pub(crate) async fn hub(&self) -> Vec<String> {
        let mut lines = self.site.content().await;
        let processed = dataprocessor::run(&self.site.hub, &dataprocessor::Config::default()).await;
        processed.expect("the dataprocessor runs");
        let mut queries: Vec<String> = Vec::new();
        for table in &table_description::default_description().tables {
            let name = &table.name;
            let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
            let row = |of: &str| {
                let cells = columns.iter().map(|c| format!("coalesce({of}.{c}::text, '~')"));
                cells.collect::<Vec<_>>().join(" || '|' || ")
            };
            // Each raw row, each typed row with its raw row, and how precise its dates are.
            queries.push(format!(
                "SELECT '{name}_raw ' || md5({}) FROM db_log.{name}_raw r",
                row("r")
            ));
            queries.push(format!(
                "SELECT '{name} ' || md5({}) || ' of ' || r.hash_index_col || ' ' || coalesce((SELECT string_agg(p.column_name || \
                 '=' || p.precision, ',' ORDER BY p.column_name) FROM core.precision p WHERE p.table_name = '{name}' AND p.id = \
                 t.{name}_id), '') FROM db_log.{name} t JOIN db_log.{name}_raw r USING ({name}_raw_id)",
                row("t")
            ));
            for (form, id) in [("patient_fe", "pat_id"), ("fall_fe", "fall_fhir_enc_id")] {
                queries.push(format!(
                    "SELECT '{form} ' || f.{id} || ' from ' || t.hash FROM core.lineage l JOIN core.{form} f USING (row_id) \
                     JOIN core.{name} t ON t.{name}_id = l.source_id \
                     WHERE l.table_name = '{form}' AND l.source_table = '{name}'"
                ));
            }
        }
        queries.extend(
            [
                "SELECT 'watermark ' || resource || ' ' || patient_id FROM core.watermark",
                "SELECT 'import ' || r.table_name || ' ' || r.new_count || ' ' || r.update_count FROM core.import_rows r",
                "SELECT 'waits ' || count(*)::text FROM cds2db_out.v_observation_raw_diff",
            ]
            .map(str::to_owned),
        );
        for sql in queries {
            let rows = select(&self.site.hub, &sql).await;
            lines.extend(rows.into_iter().flatten().flatten());
        }
        lines.sort();
        lines
    }
}
