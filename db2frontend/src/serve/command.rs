//! `db2frontend serve`: its arguments, and the program around the pages.

use std::net::SocketAddr;
use std::path::PathBuf;

use cds_hub::{Hub, HubOptions};

use super::{ServeOptions, Server};
use crate::config::Config;
use crate::{Dictionary, Error, ErrorKind, Result};

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct ServeArguments {
    /// Configuration file
    #[arg(long, env = "DB2FRONTEND_CONFIG", default_value = "db2frontend_config.toml")]
    pub config: PathBuf,
    /// Hub to use instead of the one the configuration names: postgres://user@host:port/database
    #[arg(long, env = "CDS_HUB_URL", hide_env_values = true)]
    hub: Option<String>,
    /// The data dictionary; that of FRONTEND_DICTIONARY by default
    #[arg(long, value_name = "FILE")]
    dictionary: Option<PathBuf>,
    /// Where to listen; keep to loopback and put the site's proxy before it
    #[arg(long, default_value = "127.0.0.1:8095", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Address that browsers see behind the proxy, such as <https://pages.example.org>
    #[arg(long, value_name = "URL")]
    public: Option<String>,
    /// Name of the site, shown on every page
    #[arg(long, default_value = "Case list")]
    title: String,
    /// Folder in which who changed what is kept
    #[arg(long, default_value = "pages", value_name = "DIR")]
    dir: PathBuf,
}

impl ServeArguments {
    /// Serves until `stop` is done; `told` is given the address once it answers.
    ///
    /// # Errors
    /// When the configuration, the dictionary or the hub cannot be used, or the address is taken.
    pub async fn run(
        &self,
        config: &Config,
        stop: impl Future<Output = ()> + Send + 'static,
        told: impl FnOnce(&str) -> Result<()>,
    ) -> Result<()> {
        let login = match (&self.hub, &config.database) {
            (Some(url), _) => HubOptions::new(url),
            (None, Some(database)) => HubOptions {
                password: database.password.clone(),
                ..HubOptions::new(database.url())
            },
            (None, None) => return Err(Error::new(ErrorKind::Configuration, "no hub is named")),
        };
        let file = self.dictionary.as_deref().or(config.dictionary.as_deref());
        let file = file.ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                "no data dictionary is named (--dictionary, FRONTEND_DICTIONARY)",
            )
        })?;
        let dictionary = Dictionary::read(file)?;
        let mut options = ServeOptions::new(&self.dir);
        options.listen = self.listen;
        options.public.clone_from(&self.public);
        options.title.clone_from(&self.title);
        let hub = Hub::open(&login).await?;
        let server = Server::bind(hub, login, dictionary, &options).await?;
        told(&format!("http://{}/\n", server.address()))?;
        server.run(stop).await
    }
}
