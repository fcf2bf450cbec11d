//! The whole chain on this machine, ending in the pages: `cds2db demo`, then its case list in a browser.
//!
//! The pages write into the hub itself, so there is nothing to import or export between a run and the next: what somebody
//! entered stands until the next run, which keeps it or returns what FHIR says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::{Hub, HubOptions};
use site_config::exit_code;
use web_pages::Tokens;

use crate::chain::beside;
use crate::serve::{ServeOptions, Server};
use crate::{Dictionary, Error, ErrorKind, Result};

/// Labels, choices and branching of the demo's forms.
const DICTIONARY: &str = include_str!("dictionary.csv");
/// Who logs in.
const NAME: &str = "db2frontend_user";
/// Characters of the password.
const LENGTH: usize = 20;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct DemoArguments {
    /// Directory of the database, the logs and what people enter; the next demo goes on with it
    #[arg(long, default_value = "demo")]
    dir: PathBuf,
    /// Patients of the synthetic hospital
    #[arg(long, default_value_t = 200)]
    patients: u32,
    /// Seed of the synthetic hospital
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Alter so many patients first
    #[arg(long, value_name = "PATIENTS", num_args = 0..=1, default_missing_value = "5")]
    change: Option<u32>,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8095", value_name = "ADDRESS")]
    listen: SocketAddr,
}

impl DemoArguments {
    /// Runs cds2db's demo and serves its case list until `stop` is done; `told` is given where, and how to log in.
    ///
    /// # Errors
    /// When the chain fails, its database cannot be opened again, or the address is taken.
    pub async fn run(
        &self,
        stop: impl Future<Output = ()> + Send + 'static,
        told: impl FnOnce(&str) -> Result<()>,
    ) -> Result<()> {
        let mut stop = Box::pin(stop);
        tokio::select! {
            done = self.chain() => done?,
            () = &mut stop => return Err(Error::new(ErrorKind::Stopped, "the same command goes on")),
        }
        let cluster = Cluster::open(&self.dir.join("postgres"), &ClusterOptions::supervised())?;
        let hub = Hub::connect(&cluster.url()).await?;
        let random = |e| Error::new(ErrorKind::Output, "making a password").with_source(e);
        let mut password = Tokens::new().map_err(random)?.of(NAME);
        password.truncate(LENGTH);
        hub.set_password(NAME, &password).await?;
        hub.close().await;
        let mut login = HubOptions::new(cluster.url_for(NAME));
        login.password = Some(password.clone());
        let dictionary = Dictionary::parse(DICTIONARY.as_bytes(), "dictionary.csv".as_ref())?;
        let mut options = ServeOptions::new(self.dir.join("pages"));
        options.listen = self.listen;
        options.title = "Case list of the demo".to_owned();
        let hub = Hub::open(&login).await?;
        let server = Server::bind(hub, login, dictionary, &options).await?;
        told(&format!(
            "\nthe case list     http://{}/\nlog in as         {NAME}\npassword          {password}\n\
             edit a form, stop this with Ctrl-C and run it again: what FHIR says returns, what only people write stays\n",
            server.address()
        ))?;
        server.run(stop).await
    }

    async fn chain(&self) -> Result<()> {
        let failed = |e: std::io::Error| Error::new(ErrorKind::Step, "cds2db cannot be run").with_source(e);
        let mut command = tokio::process::Command::new(beside("cds2db"));
        command.arg("demo").arg("--dir").arg(&self.dir);
        command.args([
            "--patients",
            &self.patients.to_string(),
            "--seed",
            &self.seed.to_string(),
        ]);
        if let Some(change) = self.change {
            command.args(["--change", &change.to_string()]);
        }
        // The demo's own database, whatever the environment names.
        let status = command
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .status()
            .await
            .map_err(failed)?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        match code {
            Some(exit_code::DONE | exit_code::INCOMPLETE) => Ok(()),
            _ => Err(Error::new(
                ErrorKind::Step,
                "cds2db demo did not end well, see above",
            )),
        }
    }
}
