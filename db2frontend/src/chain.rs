//! The whole chain by one command: `cds2db chain`, with this program as both of its steps of the frontend.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::config::Config;
use crate::files::FileKind;
use crate::run::FilesAt;
use crate::{Error, ErrorKind, Result};

/// How a chain is run.
#[derive(Clone, Debug, Default)]
pub struct ChainOptions {
    /// The file that the configuration was read from.
    pub config: PathBuf,
    /// Where the directories of cds2db's runs are, and the state of the chain.
    pub dir: PathBuf,
    /// Files instead of a project.
    pub files: Option<FilesAt>,
    /// Address of the hub for the exchange instead of the configured one.
    pub hub: Option<String>,
    /// Whether different ward names are accepted.
    pub ignore_wards: bool,
    /// Whether to begin anew although the last chain did not end.
    pub anew: bool,
}

/// The chain as a command: after an error the same command goes on at the step that failed, unless it is to begin anew.
///
/// # Errors
/// When the configuration does not name those of the other programs.
pub fn command(config: &Config, options: &ChainOptions) -> Result<Command> {
    let missing = |key: &str| {
        Error::new(
            ErrorKind::Configuration,
            format!("the chain needs {key} in db2frontend_config.toml"),
        )
    };
    let cds2db = config.cds2db.as_deref();
    let cds2db = cds2db.ok_or_else(|| missing("PATH_TO_CDS2DB_CONFIG_TOML"))?;
    let dataprocessor = config.dataprocessor.as_deref();
    let dataprocessor = dataprocessor.ok_or_else(|| missing("PATH_TO_DATAPROCESSOR_CONFIG_TOML"))?;
    let mut command = Command::new(beside("cds2db"));
    command.arg("chain").arg("--config").arg(cds2db);
    command.arg("--dataprocessor").arg(dataprocessor);
    command.arg("--dir").arg(&options.dir);
    for (key, verb) in [("CHAIN_FRONTEND2DB", "import"), ("CHAIN_DB2FRONTEND", "export")] {
        let words = serde_json::to_string(&exchange(options, verb)?);
        let words = words.map_err(|e| Error::new(ErrorKind::Step, verb).with_source(e))?;
        command.arg("--set").arg(format!("{key}={words}"));
    }
    let recover = format!("RECOVER_INCOMPLETE_TOOLCHAIN_RUNS={}", config.recover);
    command.arg("--set").arg(recover);
    if options.ignore_wards {
        command.arg("--ignore-ward-name-mismatch");
    }
    if !options.anew {
        command.arg("--go-on");
    }
    Ok(command)
}

/// This program becomes the chain.
///
/// # Errors
/// Always, since it does not return otherwise: when the configuration is not usable, or cds2db cannot be run.
pub fn become_chain(config: &Config, options: &ChainOptions) -> Result<std::convert::Infallible> {
    let error = command(config, options)?.exec();
    Err(Error::new(ErrorKind::Step, "cds2db cannot be run").with_source(error))
}

/// Program and arguments of an exchange.
fn exchange(options: &ChainOptions, verb: &str) -> Result<Vec<String>> {
    let own = std::env::current_exe()?;
    let mut words = vec![own.into_os_string(), verb.into()];
    words.extend(["--config".into(), absolute(&options.config)?]);
    words.extend(["--dir".into(), absolute(&options.dir)?]);
    if let Some(files) = &options.files {
        words.extend(["--files".into(), absolute(&files.dir)?]);
        let kind = files.kind.map(|kind| match kind {
            FileKind::Csv => "csv",
            FileKind::Excel => "excel",
        });
        words.extend(kind.into_iter().flat_map(|kind| ["--as".into(), kind.into()]));
    }
    // One of the environment is there for the exchange as well, and in no list of processes.
    let given = options.hub.as_deref();
    if let Some(hub) = given.filter(|hub| std::env::var("CDS_HUB_URL").as_deref() != Ok(*hub)) {
        words.extend(["--hub".into(), hub.into()]);
    }
    let text = |word: OsString| {
        let place = |word: OsString| format!("{} is no text", Path::new(&word).display());
        word.into_string()
            .map_err(|word| Error::new(ErrorKind::Step, place(word)))
    };
    words.into_iter().map(text).collect()
}

fn absolute(path: &Path) -> Result<OsString> {
    Ok(std::path::absolute(path)?.into_os_string())
}

/// The program of this name beside our own, or on the path.
pub(crate) fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().ok();
    let beside = own.and_then(|own| Some(own.parent()?.join(name)));
    beside
        .filter(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from(name))
}
