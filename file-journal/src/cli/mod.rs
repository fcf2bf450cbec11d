//! The program `journal`: arguments, one command, its output and exit code.

mod arguments;
mod bars;
mod print;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;

use crate::config::{Config, EXAMPLE};
use crate::journal::{Command, Journal};
use crate::{Error, RestoreOptions, Result, ScanOptions, SubmitOptions, SubmitReport, VerifyOptions};
use arguments::{Arguments, PathList, Verb};
use bars::Bars;
use print::Output;

/// Done, and something was left out.
const REMARKS: u8 = 3;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let features: &[&str] = if cfg!(feature = "cloud") { &["cloud"] } else { &[] };
    let arguments = match command_line::parse::<Arguments>(env!("CARGO_PKG_VERSION"), features) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let mut output = Output::new(arguments.json);
    match run(&arguments, &mut output) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(REMARKS),
        Err(error) => {
            let mut text = format!("journal: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                text.push_str(&format!(": {inner}"));
                cause = inner.source();
            }
            let _ = writeln!(std::io::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing was left out.
fn run(arguments: &Arguments, output: &mut Output) -> Result<bool> {
    match &arguments.command {
        Verb::Config => {
            output.text(EXAMPLE);
            return Ok(true);
        }
        Verb::Check { kinds: true, .. } => return Ok(output.kinds()),
        _ => {}
    }
    let config = Config::read(&arguments.config)?;
    for key in &config.ignored {
        output.note(&format!("{}: {key}", arguments.config.display()));
    }
    let progress = Bars::new(arguments.quiet);
    let called = format!("--config {}", arguments.config.display());
    match &arguments.command {
        Verb::Config => Ok(true),
        Verb::Check { modalities, .. } => {
            Ok(output.check(&crate::check::check(&config, &modalities.names, &progress)?))
        }
        Verb::Update {
            version,
            modalities,
            rehash,
            allow_delete,
        } => {
            crate::lock::check(&config)?;
            let mut journal = Journal::open(&config.journal)?;
            let options = ScanOptions {
                version: version.clone(),
                modalities: modalities.names.clone(),
                rehash: *rehash,
                allow_delete: *allow_delete,
                called,
            };
            Ok(output.scan(&crate::scan(&config, &mut journal, &options, &progress)?))
        }
        Verb::Submit {
            modalities,
            max_num_files,
        } => {
            let mut journal = Journal::existing(&config.journal)?;
            let options = SubmitOptions {
                modalities: modalities.names.clone(),
                max_files: *max_num_files,
                called,
            };
            let report = crate::submit(&config, &mut journal, &options, &progress)?;
            keep(&config, &report)?;
            Ok(output.submit(&report))
        }
        Verb::Verify {
            version,
            modalities,
            deep,
        } => {
            let journal = Journal::existing(&config.journal)?;
            let options = VerifyOptions {
                version: version.clone(),
                modalities: modalities.names.clone(),
                deep: *deep,
            };
            Ok(output.verify(&crate::verify(&config, &journal, &options, &progress)?))
        }
        Verb::Restore {
            version,
            path,
            to,
            modalities,
        } => {
            let journal = Journal::existing(&config.journal)?;
            let options = RestoreOptions {
                version: version.clone(),
                path: path.clone(),
                modalities: modalities.names.clone(),
            };
            Ok(output.restore(&crate::restore(&config, &journal, &options, to, &progress)?))
        }
        Verb::Report { output: page, check } => {
            let checked = match check {
                true => Some(crate::check::check(&config, &[], &progress)?),
                false => None,
            };
            let overview = crate::report::overview(
                &config,
                &Journal::existing(&config.journal)?,
                kept(&config).as_ref(),
            )?;
            let text = crate::report::html(&overview, checked.as_ref());
            std::fs::write(page, text).map_err(Error::file("writing the page", page))?;
            output.done(&format!("{} is written", page.display()));
            Ok(true)
        }
        other => journal_verbs(other, &config, called, output),
    }
}

/// Verbs that need the journal and no progress.
fn journal_verbs(verb: &Verb, config: &Config, called: String, output: &mut Output) -> Result<bool> {
    let journal = || Journal::existing(&config.journal);
    match verb {
        Verb::List => output.versions(&journal()?.versions()?),
        Verb::Files {
            version,
            modalities,
            waiting,
        } => {
            let journal = journal()?;
            let mut rows = match (version, journal.newest_version()?) {
                (Some(version), _) => journal.files_of(version, None)?,
                (None, Some(newest)) => journal.files_of(&newest, None)?,
                (None, None) => Vec::new(),
            };
            let wanted: Vec<&str> = config
                .selected(&modalities.names)?
                .iter()
                .map(|m| m.name.as_str())
                .collect();
            let all = modalities.names.is_empty();
            rows.retain(|row| {
                (all || wanted.contains(&row.modality.as_str())) && (!waiting || row.is_waiting())
            });
            output.files(&rows);
        }
        Verb::MarkDeleted { list, modalities } => {
            crate::lock::check(config)?;
            let paths = paths(list)?;
            let mut journal = journal()?;
            let modality = modalities.names.first().map(String::as_str);
            let at = Timestamp::now().as_microsecond();
            let unknown = journal.mark_deleted(modality, &paths, at)?;
            note(
                &journal,
                "file mark_as_deleted",
                called,
                format!("{} files", paths.len()),
            )?;
            return Ok(output.marked("deleted", paths.len(), &unknown));
        }
        Verb::MarkUploaded {
            list,
            upload_datetime,
        } => {
            crate::lock::check(config)?;
            let paths = paths(list)?;
            let moment = upload_datetime
                .clone()
                .unwrap_or_else(crate::version::upload_moment);
            if moment.len() != 14 || !moment.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Error::Refused("--upload-datetime is YYYYMMDDhhmmss".to_owned()));
            }
            let mut journal = journal()?;
            let rows: Vec<_> = journal
                .all_rows()?
                .into_iter()
                .filter(crate::journal::FileRow::is_waiting)
                .collect();
            let ids: Vec<i64> = rows
                .iter()
                .filter(|row| paths.contains(&row.path))
                .map(|row| row.id)
                .collect();
            let unknown: Vec<String> = paths
                .iter()
                .filter(|path| !rows.iter().any(|row| row.path == **path))
                .cloned()
                .collect();
            journal.mark_sent(&ids, &moment)?;
            note(
                &journal,
                "file mark_as_uploaded_local",
                called,
                format!("--upload-datetime {moment}"),
            )?;
            return Ok(output.marked("sent", paths.len(), &unknown));
        }
        Verb::Checkout => {
            let holder = crate::lock::checkout(config)?;
            output.done(&format!("the central journal is checked out by {holder}"));
        }
        Verb::Checkin => {
            crate::lock::checkin(config)?;
            output.done("the journal is checked in");
        }
        Verb::Unlock { yes } => {
            let Some(holder) = crate::lock::holder(config)? else {
                output.done("the central journal is not checked out");
                return Ok(true);
            };
            if !yes
                && !output.ask(&format!(
                    "The central journal is checked out by {holder}. Free it all the same?"
                ))
            {
                return Err(Error::Refused(
                    "nothing was changed; `--yes` frees it without asking".to_owned(),
                ));
            }
            crate::lock::unlock(config)?;
            output.done("the lock is gone");
        }
        Verb::Upgrade => match Journal::upgrade(&config.journal)? {
            Some(rows) => output.done(&format!("converted: {rows} rows")),
            None => output.done("the journal has the second layout already"),
        },
        Verb::History => output.history(&journal()?.history()?),
        Verb::Script { modalities, .. } => {
            output.text(&crate::script::azcli(
                config,
                &journal()?,
                &modalities.names,
                &format!("journal {called}"),
            )?);
        }
        _ => {}
    }
    Ok(true)
}

fn note(journal: &Journal, name: &'static str, common: String, options: String) -> Result<()> {
    journal.note(&Command {
        begun: Timestamp::now(),
        common,
        name,
        options,
        sources: Vec::new(),
        destination: None,
    })
}

fn paths(list: &PathList) -> Result<Vec<String>> {
    let mut paths = list.files.clone();
    if let Some(file) = &list.file_list {
        let text = std::fs::read_to_string(file).map_err(Error::file("reading the list", file))?;
        paths.extend(
            text.lines()
                .map(str::trim_end)
                .filter(|line| !line.is_empty())
                .map(str::to_owned),
        );
    }
    Ok(paths)
}

/// What the last submission left, for the report.
fn last(config: &Config) -> PathBuf {
    let mut name = config.journal.as_os_str().to_owned();
    name.push(".last-submit.json");
    PathBuf::from(name)
}

fn keep(config: &Config, report: &SubmitReport) -> Result<()> {
    let path = last(config);
    let text = serde_json::to_vec(report).map_err(|e| Error::Refused(e.to_string()))?;
    crate::whole_file::replace(&path, &text)
}

fn kept(config: &Config) -> Option<SubmitReport> {
    serde_json::from_slice(&std::fs::read(last(config)).ok()?).ok()
}
