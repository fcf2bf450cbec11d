//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Exit codes, as `--help` shows them.
const CODES: &str = "Exit codes:\n  0  done\n  1  could not be done; the message says why\n  2  wrong usage\n  3  done, and something was left out or is wrong: the output names it\n\nExample:\n  journal config > config.toml      # edit: folders, central store\n  journal check                     # look before anything is sent\n  journal update && journal submit\n  journal verify --deep\n  journal files --version 20260101000000";

/// Keeps a journal of a site's files, and sends what changed.
#[derive(Debug, Parser)]
#[command(name = "journal", version, after_help = CODES)]
pub(super) struct Arguments {
    /// The configuration.
    #[arg(
        short,
        long,
        global = true,
        default_value = "config.toml",
        value_name = "FILE"
    )]
    pub(super) config: PathBuf,
    /// Writes the result as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Shows no progress.
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    #[command(subcommand)]
    pub(super) command: Verb,
}

/// Which modalities.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Modalities {
    /// Only this modality; may be given several times or as a list with commas.
    #[arg(
        long = "modality",
        alias = "modalities",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    pub(super) names: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Prints a configuration to edit.
    Config,
    /// Looks at the site's files before anything is sent.
    Check {
        #[command(flatten)]
        modalities: Modalities,
        /// Lists the kinds of findings and their severities.
        #[arg(long)]
        kinds: bool,
    },
    /// Brings the journal up to date with the site's folders.
    Update {
        /// The version that changes belong to; made of the local time where none is given, the newest again amends it.
        #[arg(long)]
        version: Option<String>,
        #[command(flatten)]
        modalities: Modalities,
        /// Reads every file, also those whose size and time are as before.
        #[arg(long)]
        rehash: bool,
        /// Accepts that many files, or all of a modality, are gone.
        #[arg(long)]
        allow_delete: bool,
    },
    /// Sends what changed to the central store.
    #[command(alias = "upload")]
    Submit {
        #[command(flatten)]
        modalities: Modalities,
        /// Files at most.
        #[arg(long, alias = "max-files", value_name = "N")]
        max_num_files: Option<usize>,
    },
    /// Holds the central store against the journal.
    Verify {
        /// Files that this version brought; all where none is given.
        #[arg(long)]
        version: Option<String>,
        #[command(flatten)]
        modalities: Modalities,
        /// Reads every object and hashes its bytes.
        #[arg(long)]
        deep: bool,
    },
    /// Lists the versions: files, bytes, what is active and what waits.
    #[command(alias = "usage")]
    List,
    /// Lists the files that a version had, or those that wait.
    Files {
        /// The version; the newest where none is given.
        #[arg(long)]
        version: Option<String>,
        #[command(flatten)]
        modalities: Modalities,
        /// Only files that wait to be sent.
        #[arg(long, conflicts_with = "version")]
        waiting: bool,
    },
    /// Brings files of a past version back from the central store.
    Restore {
        /// The version.
        #[arg(long)]
        version: String,
        /// Only this file, or what lies below this folder.
        #[arg(long)]
        path: Option<String>,
        /// Where to.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        #[command(flatten)]
        modalities: Modalities,
    },
    /// Closes files in the journal that the site deleted (append mode).
    MarkDeleted {
        #[command(flatten)]
        list: PathList,
        #[command(flatten)]
        modalities: Modalities,
    },
    /// Marks files as sent that another program sent, such as the script.
    MarkUploaded {
        #[command(flatten)]
        list: PathList,
        /// When, as YYYYMMDDhhmmss in UTC; now where none is given.
        #[arg(long)]
        upload_datetime: Option<String>,
    },
    /// Locks the central journal and fetches it.
    Checkout,
    /// Puts the local journal in the central one's place and frees the lock.
    Checkin,
    /// Frees the central journal's lock, whoever holds it.
    Unlock {
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Converts a journal of the first layout.
    Upgrade,
    /// Lists the commands of the past.
    History,
    /// Writes a script that sends what waits.
    Script {
        /// For which program.
        #[arg(long = "type", value_enum, default_value_t = ScriptType::Azcli)]
        kind: ScriptType,
        #[command(flatten)]
        modalities: Modalities,
    },
    /// Writes a page about the journal.
    Report {
        /// The page.
        #[arg(long, short, default_value = "journal.html", value_name = "FILE")]
        output: PathBuf,
        /// Checks the site's files for the page too.
        #[arg(long)]
        check: bool,
    },
}

/// Paths of the site.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = true)]
pub(super) struct PathList {
    /// A path; may be given several times.
    #[arg(long = "file", value_name = "PATH")]
    pub(super) files: Vec<String>,
    /// A file with one path a line.
    #[arg(long, value_name = "FILE")]
    pub(super) file_list: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ScriptType {
    /// Azure's command line.
    Azcli,
}
