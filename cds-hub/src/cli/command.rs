use std::path::PathBuf;

use super::tables::TableArguments;

/// What to do.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Make the hub in an empty database.
    Init(TableArguments),
    /// One screen: lock, inboxes, imports, quarantine, sizes, errors.
    Status,
    /// Stop modules and transfers, for work by hand.
    Lock {
        /// Shown in the semaphore behind `Interrupted_`.
        #[arg(default_value = "operator")]
        reason: String,
    },
    /// Let modules and transfers go on after `lock`.
    Unlock,
    /// Print the parameters, or one, or give one another value.
    Params {
        /// Name of a parameter.
        name: Option<String>,
        /// Its new value.
        value: Option<String>,
    },
    /// Print the SQL `init` runs.
    Sql(TableArguments),
    /// Bring the database to the present description: an older hub, or one of the original system.
    Migrate {
        #[command(flatten)]
        tables: TableArguments,
        /// Show what would be done and do nothing.
        #[arg(long = "dry-run")]
        look: bool,
        /// Print the statements instead, and do nothing.
        #[arg(long)]
        sql: bool,
        /// Answer all questions with yes.
        #[arg(long)]
        accept: bool,
    },
    /// Verify the hub's invariants.
    Check {
        #[command(flatten)]
        tables: TableArguments,
        /// Rows of each table whose hash is computed again.
        #[arg(long, default_value_t = 1000)]
        sample: u32,
    },
    /// Run a private PostgreSQL until Ctrl-C; its data stay in the directory.
    Cluster {
        /// Where the data are.
        #[arg(long, default_value = "./hub")]
        dir: PathBuf,
        /// Port on loopback; a free one by default.
        #[arg(long)]
        port: Option<u16>,
    },
}
