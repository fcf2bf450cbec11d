//! Loading what the daily run never saw: a range of days, patients, encounters or identifiers.

mod slice;

use std::path::Path;

use cds_hub::Hub;
use fhir_crack::search::Client;
use jiff::tz::TimeZone;
use table_description::Description;
use work_dir::{Status, WorkDir};

use crate::config::Settings;
use crate::progress::Progress;
use crate::run::{DirectoryOptions, Given, Run, RunDirectory, Scope};
use crate::{Error, ErrorKind, Result, Summary};
pub use slice::Slice;

/// A backfill: slices loaded one after the other, each complete in the hub before the next begins.
#[derive(Clone, Debug, Default)]
pub struct Backfill {
    /// What is loaded, in order.
    pub slices: Vec<Slice>,
    /// Only these resource types, without touching the watermarks; all types where empty.
    pub resources: Vec<String>,
}

/// Where a backfill works.
#[derive(Clone, Copy)]
pub struct Place<'p> {
    /// The configuration.
    pub settings: &'p Settings,
    /// The tables.
    pub description: &'p Description,
    /// The FHIR server.
    pub client: &'p Client,
    /// The hub.
    pub hub: &'p Hub,
    /// Takes the events.
    pub progress: &'p dyn Progress,
    /// Directory that remembers finished slices, so that an interrupted backfill goes on behind them.
    pub directory: &'p Path,
}

impl Backfill {
    /// Loads all slices that are not finished yet; returns their summaries with their names.
    ///
    /// A slice that is not complete is not remembered as finished, and the next one is still loaded.
    ///
    /// # Errors
    /// When the slices' patients cannot be found, the hub fails, the state file is damaged, or another backfill works in
    /// the directory.
    pub async fn run(&self, place: Place<'_>) -> Result<Vec<(String, Summary)>> {
        let zone = TimeZone::get(crate::run::ZONE)
            .map_err(|e| Error::new(ErrorKind::Config, "time zone").because(e))?;
        let mut work = WorkDir::open(place.directory).map_err(file_error)?;
        let mut summaries = Vec::new();
        for slice in &self.slices {
            let name = slice.name(&self.resources);
            if work.status(&name) == Some(Status::Completed) {
                place
                    .progress
                    .note(&format!("{name}: finished by an earlier run"));
                continue;
            }
            work.set(&name, Status::InProcess).map_err(file_error)?;
            let directory = slice_directory(&place, slice, &name)?;
            // What a process that was killed found is not asked for again.
            let found = if directory.is_continued() {
                Given::default()
            } else {
                slice
                    .patients(place.settings, place.client, &zone, place.progress)
                    .await?
            };
            let given = Given {
                resources: self.resources.clone(),
                move_watermarks: self.resources.is_empty(),
                ..found
            };
            let run = Run {
                settings: place.settings,
                description: place.description,
                client: place.client,
                hub: place.hub,
                scope: &Scope::Given(given),
                progress: place.progress,
            };
            let summary = run.execute_kept(place.directory, &directory).await?;
            directory.finish(place.description, &summary)?;
            let status = if summary.complete {
                Status::Completed
            } else {
                Status::Failed
            };
            work.set(&name, status).map_err(file_error)?;
            summaries.push((name, summary));
        }
        Ok(summaries)
    }
}

/// The directory of a slice's run: its rows are tested and kept there as those of a daily run are.
fn slice_directory(place: &Place<'_>, slice: &Slice, name: &str) -> Result<RunDirectory> {
    let kept = slice.directory_name();
    let options = DirectoryOptions {
        purpose: name.to_owned(),
        ..DirectoryOptions::default()
    };
    let directory = RunDirectory::open(&place.directory.join("slices").join(kept), options)?;
    directory
        .notes()
        .iter()
        .for_each(|note| place.progress.note(note));
    Ok(directory)
}

fn file_error(error: work_dir::Error) -> Error {
    Error::new(ErrorKind::File, "the state of the backfill").because(error)
}
