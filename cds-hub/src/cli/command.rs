use std::path::PathBuf;

use super::quarantine::Quarantine;
use super::tables::TableArguments;
use super::trace::TraceArguments;
use super::web::WebArguments;

/// What to do.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Make the hub in an empty database, and give its roles the passwords there are for them.
    Init {
        #[command(flatten)]
        tables: TableArguments,
        /// Directory with a file for each role, such as cds2db_user, whose first line is its password. Without a file
        /// the variable such as CDS2DB_USER_PASSWORD counts; a role without either cannot log in.
        #[arg(long, value_name = "DIR")]
        passwords: Option<PathBuf>,
    },
    /// One screen: lock, inboxes, imports, quarantine, sizes, errors.
    Status,
    /// Move what waits in the inboxes to the core.
    Transfer {
        /// Seconds to wait for the lock.
        #[arg(long, default_value_t = 60)]
        patience: u64,
    },
    /// Stop modules and transfers, for work by hand.
    Lock {
        /// Shown in the semaphore behind `Interrupted_`.
        #[arg(default_value = "operator")]
        reason: String,
    },
    /// Let modules and transfers go on after `lock`.
    Unlock {
        /// Take the lock from a module that holds it, too. What that module has not committed is not stored.
        #[arg(long)]
        force: bool,
    },
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
    /// Run due transfers: when a module has written, and every interval. Stops on Ctrl-C.
    Serve {
        /// Seconds between two looks; by default the parameter transfer_interval_seconds.
        #[arg(long)]
        interval: Option<u64>,
        /// Write metrics into this file every 15 seconds, as the textfile collector of Prometheus reads them.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["pg_cron", "leave_pg_cron"])]
        metrics: Option<PathBuf>,
        /// Hand the transfers to the pg_cron of this database, every minute, and end.
        #[arg(long, conflicts_with_all = ["interval", "leave_pg_cron"])]
        pg_cron: bool,
        /// Take the transfers from pg_cron again, and end.
        #[arg(long, conflicts_with = "interval")]
        leave_pg_cron: bool,
    },
    /// Serve pages for the morning: runs, tables, what was not stored, search, the past. Stops on Ctrl-C.
    Web(WebArguments),
    /// Rows the core refused.
    Quarantine {
        #[command(subcommand)]
        what: Quarantine,
    },
    /// List the values that could not be typed, by resource. The output names patients' resources.
    Defects {
        /// Only those of this table, such as observation.
        table: Option<String>,
        /// Most lines.
        #[arg(long, default_value_t = 1000)]
        most: usize,
        #[command(flatten)]
        tables: TableArguments,
    },
    /// Say from which resources and versions a row, or one of its cells, was made, and when.
    Trace {
        #[command(flatten)]
        what: TraceArguments,
        #[command(flatten)]
        tables: TableArguments,
    },
    /// Print what a table or view showed at a moment, as CSV. The output is patient data.
    AsOf {
        /// The moment, such as '2026-01-31 12:00'.
        moment: String,
        /// Table or view, such as patient, v_fall_fe_last_import or v_encounter_last_version.
        table: String,
        #[command(flatten)]
        tables: TableArguments,
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
