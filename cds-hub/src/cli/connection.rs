use std::path::PathBuf;

use cds_hub::{Hub, HubOptions, Result, reach};

/// How to reach the hub.
#[derive(clap::Args)]
pub(crate) struct ConnectionArguments {
    /// postgres://user@host:port/database; the password is better kept in a file or in PGPASSWORD.
    #[arg(
        long,
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,
    /// File whose first line is the password.
    #[arg(long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Certificate of the authority behind the server's; asks for TLS and checks the server's name.
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Time zone of the columns' wall time.
    #[arg(long, global = true, default_value = "Europe/Berlin")]
    zone: String,
}

impl ConnectionArguments {
    /// Connects; without a URL where the PG… variables of the environment say.
    pub(crate) async fn hub(&self) -> Result<Hub> {
        reach::open_at_once(&self.options()).await
    }

    /// Where the hub is and how it is reached.
    pub(crate) fn options(&self) -> HubOptions {
        let mut options = HubOptions::new(self.database_url.as_deref().unwrap_or("postgres://"));
        options.password_file.clone_from(&self.password_file);
        options.ca_file.clone_from(&self.ca_file);
        options.zone.clone_from(&self.zone);
        options
    }
}
