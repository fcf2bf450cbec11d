use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cds_hub::cluster::{Cluster, ClusterOptions};
use cds_hub::{Hub, HubTables};
use fhir_crack::search::{Client, ClientOptions, Format, Search};
use table_description::{Description, default_description};
use work_dir::Status;

use super::server::{FhirServer, Served};
use super::{HospitalPlan, history};
use crate::config::{EmptyWards, Settings, Wards};
use crate::progress::{Progress, Stage};
use crate::run::{DirectoryOptions, Run, RunDirectory, Scope};
use crate::ward::WardDefinition;
use crate::{Error, ErrorKind, OutputSummary, Result, StageSummary, Summary, peak_rss_bytes};

/// What the demo runs with.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Directory of the database, the logs and `summary.json`; kept, so that the next demo goes on with it.
    pub directory: PathBuf,
    /// Where the resources come from.
    pub source: Source,
    /// A running database instead of an own one.
    pub database_url: Option<String>,
    /// Ask the server for XML.
    pub xml: bool,
    /// How the run uses its directory.
    pub keeping: DirectoryOptions,
}

/// Where the demo's resources come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The synthetic hospital of this seed and size, altered in so many patients first.
    Hospital {
        /// Seed of the generator.
        seed: u64,
        /// Number of patients.
        patients: u32,
        /// How many of them are altered before the run.
        change: Option<u32>,
    },
    /// A folder of FHIR files.
    Folder(PathBuf),
    /// A FHIR server that is running.
    Url(String),
}

/// What the demo leaves behind.
#[derive(Debug)]
pub struct Outcome {
    /// What happened; the same as in `summary.json`.
    pub summary: Summary,
    /// The first running cases, masked.
    pub case_list: String,
    /// How psql connected while the database ran; `None` where it was not the demo's own.
    pub psql: Option<String>,
    /// Where `summary.json` and the database are.
    pub directory: PathBuf,
    /// The directory of this run.
    pub run_directory: PathBuf,
}

/// Name of the dataprocessor's part in the state of a run.
const DATAPROCESSOR: &str = "dataprocessor";
/// Cases shown at the end.
const CASES: usize = 10;

impl Demo {
    /// Runs the whole chain. Dropping the future stops the database and the server.
    ///
    /// # Errors
    /// When database or server cannot be started, or a stage fails.
    pub async fn run(&self, progress: &dyn Progress) -> Result<Outcome> {
        let begun = Instant::now();
        std::fs::create_dir_all(&self.directory).map_err(|e| file_error(&self.directory, e))?;
        let directory = std::path::absolute(&self.directory).map_err(|e| file_error(&self.directory, e))?;
        let options = DirectoryOptions {
            purpose: format!("{:?}", self.source),
            ..self.keeping.clone()
        };
        let kept = RunDirectory::open(&directory, options)?;
        let cluster = self.cluster(&directory, progress)?;
        let plan = match self.source {
            Source::Hospital {
                seed,
                patients,
                change,
            } => Some(history::next(&directory, seed, patients, change, kept.layout())?),
            _ => None,
        };
        let server = self.server(plan.as_ref(), &directory)?;
        let base_url = match (&server, &self.source) {
            (Some(server), _) => server.base_url().to_owned(),
            (None, Source::Url(url)) => url.clone(),
            (None, _) => String::new(),
        };
        let url = self
            .database_url
            .clone()
            .or_else(|| cluster.as_ref().map(Cluster::url))
            .unwrap_or_default();
        let hub = Hub::connect(&url)
            .await
            .map_err(|e| hub_error("connecting to the hub", e))?;
        let description = default_description();
        hub.init(&HubTables::standard())
            .await
            .map_err(|e| hub_error("creating the hub's tables", e))?;

        let mut summary = self
            .retrieve(&hub, &description, &base_url, plan.as_ref(), &kept, progress)
            .await?;
        kept.begin_part(DATAPROCESSOR)?;
        self.dataprocessor(&hub, progress, &mut summary).await?;
        kept.end_part(DATAPROCESSOR, Status::Completed)?;
        let case_list = dataprocessor::show(&hub, CASES, true)
            .await
            .map_err(|e| Error::new(ErrorKind::Dataprocessor, "showing the case list").because(e))?;
        summary.seconds = begun.elapsed().as_secs_f64();
        summary.peak_rss_bytes = peak_rss_bytes();
        summary
            .notes
            .extend(cluster.as_ref().and_then(|c| c.notice().map(str::to_owned)));
        kept.finish(&description, &summary)?;
        summary.write(&directory)?;
        hub.close().await;
        let psql = cluster.as_ref().map(Cluster::psql);
        Ok(Outcome {
            summary,
            case_list,
            psql,
            directory,
            run_directory: kept.layout().root().to_owned(),
        })
    }

    fn cluster(&self, directory: &Path, progress: &dyn Progress) -> Result<Option<Cluster>> {
        if self.database_url.is_some() {
            return Ok(None);
        }
        progress.note("starting a private PostgreSQL");
        let cluster = Cluster::open(&directory.join("postgres"), &ClusterOptions::supervised())
            .map_err(|e| Error::new(ErrorKind::Start, "the demo's database cannot be started").because(e))?;
        Ok(Some(cluster))
    }

    fn server(&self, plan: Option<&HospitalPlan>, directory: &Path) -> Result<Option<FhirServer>> {
        let log = directory.join("fhir-server.log");
        match (&self.source, plan) {
            (Source::Hospital { .. }, Some(plan)) => {
                FhirServer::start(&Served::Hospital(plan), &log).map(Some)
            }
            (Source::Folder(folder), _) => {
                let folder = std::path::absolute(folder).map_err(|e| file_error(folder, e))?;
                FhirServer::start(&Served::Folder(&folder), &log).map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn retrieve(
        &self,
        hub: &Hub,
        description: &Description,
        base_url: &str,
        plan: Option<&HospitalPlan>,
        kept: &RunDirectory,
        progress: &dyn Progress,
    ) -> Result<Summary> {
        let format = if self.xml { Format::Xml } else { Format::Json };
        let options = ClientOptions::new(base_url).map_err(search_error)?.format(format);
        let client = Client::new(options).map_err(search_error)?;
        let settings = settings(plan);
        let scope = if plan.is_some() {
            Scope::Patients
        } else {
            Scope::Everything
        };
        let run = Run {
            settings: &settings,
            description,
            client: &client,
            hub,
            scope: &scope,
            progress,
        };
        let mut summary = run.execute_kept(kept.layout().base(), kept).await?;
        if scope == Scope::Everything {
            note_other_types(&client, description, &mut summary).await?;
        }
        Ok(summary)
    }

    async fn dataprocessor(&self, hub: &Hub, progress: &dyn Progress, summary: &mut Summary) -> Result<()> {
        progress.begin(Stage::Dataprocessor, None);
        let begun = Instant::now();
        let made = dataprocessor::run(hub, &dataprocessor::Config::default())
            .await
            .map_err(|e| Error::new(ErrorKind::Dataprocessor, "making patient_fe and fall_fe").because(e))?;
        let rows = (made.new + made.seen) as u64;
        for table in &made.tables {
            let (new, seen) = (table.new as u64, table.seen as u64);
            summary.outputs.insert(
                table.table.clone(),
                OutputSummary {
                    rows: new + seen,
                    new,
                    seen,
                },
            );
        }
        let stage = StageSummary {
            seconds: begun.elapsed().as_secs_f64(),
            resources: rows,
            bytes: 0,
        };
        summary.stages.insert(Stage::Dataprocessor.to_string(), stage);
        progress.advance(Stage::Dataprocessor, rows, 0);
        progress.end(Stage::Dataprocessor);
        Ok(())
    }
}

/// The demo always loads everything, so that a second run shows every row "seen again".
fn settings(plan: Option<&HospitalPlan>) -> Settings {
    let mut settings = Settings::default();
    settings.server.ids_at_once = 50;
    settings.server.count = Some(500);
    settings.debug.ignore_last_update = true;
    settings.empty_wards = EmptyWards::GoOn;
    settings.encounters.classes = vec!["IMP".to_owned(), "SS".to_owned()];
    let definitions: Vec<(String, Vec<String>)> = match plan {
        Some(plan) => plan
            .hospital()
            .wards()
            .into_iter()
            .enumerate()
            .map(|(i, ward)| {
                let condition = format!("location/location/display = '(^| ~ ){ward}($| ~ )'");
                (
                    format!("ENCOUNTER_FILTER_PATTERN_{:05}", i + 1),
                    vec![format!("ward_name = '{ward}'"), condition],
                )
            })
            .collect(),
        None => vec![(
            "ENCOUNTER_FILTER_PATTERN_1".to_owned(),
            vec!["ward_name = 'All'".to_owned()],
        )],
    };
    settings.encounters.status = if plan.is_some() {
        "in-progress".to_owned()
    } else {
        String::new()
    };
    if plan.is_none() {
        settings.encounters.classes.clear();
        settings.server.count = Some(100);
    }
    settings.wards = WardDefinition::read_all(&definitions).map_or(Wards::None, Wards::Patterns);
    settings
}

/// Names the types that the server has and no table takes, so that every resource is accounted for.
async fn note_other_types(client: &Client, description: &Description, summary: &mut Summary) -> Result<()> {
    let capability = client.capability().await.map_err(search_error)?;
    let mut others = BTreeMap::new();
    for resource in capability
        .types()
        .map(|t| t.resource.as_str())
        .filter(|r| description.resource(r).is_none())
    {
        let count = client.count(Search::new(resource)).await.map_err(search_error)?;
        if count > 0 {
            others.insert(resource.to_owned(), count);
        }
    }
    for (resource, count) in others {
        summary.notes.push(format!(
            "{count} {resource} on the server are not asked for: no table takes them"
        ));
    }
    Ok(())
}

fn file_error(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::File, format!("{} cannot be used", path.display())).because(error)
}

fn hub_error(place: &str, error: cds_hub::Error) -> Error {
    Error::new(ErrorKind::Hub, place).because(error)
}

fn search_error(error: fhir_crack::search::Error) -> Error {
    Error::new(ErrorKind::Search, "the FHIR server cannot be asked").because(error)
}
