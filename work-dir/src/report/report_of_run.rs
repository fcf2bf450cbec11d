use std::path::PathBuf;

use table_description::Description;

use super::batches::Batches;
use super::index_page::index;
use super::mask::Masking;
use super::run_figures::RunFigures;
use super::signal_pages;
use super::table_page::TablePage;
use super::trend;
use crate::checks::{Outcome, References, Results, Rules};
use crate::profile::{Files, Known, PATIENT_CAP, Roles, Source, TableProfile, measure};
use crate::state::private;
use crate::{Error, Layout, Runs};

/// How a report is written.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Cells of fewer patients are hidden; 0 hides nothing, and at most 20 are told apart.
    pub few: u32,
    /// Numbers are shown as they are instead of in multiples of 5.
    pub exact: bool,
    /// A file of rules, for the reference distributions; without one, `checks.toml` of the run or of the directory of all
    /// runs.
    pub rules: Option<PathBuf>,
    /// Directory of the run to compare with; without one, the run before in the same directory.
    pub before: Option<PathBuf>,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self {
            few: 5,
            exact: false,
            rules: None,
            before: None,
        }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The first page.
    pub index: PathBuf,
    /// Pages of tables.
    pub tables: usize,
}

/// What of a table is read before its page is written.
struct Loaded {
    profile: TableProfile,
    before: Option<TableProfile>,
}

/// Writes the report of a run: `outputs/index.html` and a page a table.
///
/// Profiles that the tests of the data left are used where they are newer than the files they are of.
///
/// # Errors
/// When rows, rules or results cannot be read, or a page cannot be written.
pub fn write(
    layout: &Layout,
    description: Option<&Description>,
    options: &ReportOptions,
) -> Result<Written, Error> {
    let rules = Rules::of_run(layout, options.rules.as_deref())?;
    let references = References::read(&rules)?;
    let earlier = match &options.before {
        Some(path) => Runs::locate(path)?.or_else(|| Some(Layout::new(path))),
        None => Runs::before(layout)?,
    };
    let masking = Masking {
        threshold: options.few.min(PATIENT_CAP),
        exact: options.exact,
    };
    let results = Results::read(layout)?;
    let figures = RunFigures::read(layout)?;
    let mut loaded = Vec::new();
    let files = Files::list(layout)?;
    for table in files.tables() {
        let description = description.and_then(|d| d.table(&table)).map(AsRef::as_ref);
        let profile = match fresh(layout, &files, &table)? {
            Some(profile) => profile,
            None => {
                let source = Source::of(layout, &files, &table, None)?.read_if_small()?;
                let profile = measure(&source, &Roles::new(description), &Known::default())?;
                profile.write(layout)?;
                profile
            }
        };
        let before = match &earlier {
            Some(earlier) => TableProfile::read(earlier, &table)?,
            None => None,
        };
        loaded.push(Loaded { profile, before });
    }
    let runs = trend::runs(layout)?;
    let mut extras = Vec::new();
    for one in &loaded {
        let table = &one.profile.table;
        let batches = Batches {
            layout,
            files: &files,
            description: description.and_then(|d| d.table(table)).map(AsRef::as_ref),
            references: &references,
            results: &results,
            masking,
        };
        extras.push((
            trend::of_table(&runs, table, masking)?,
            batches.write(&one.profile)?,
        ));
    }
    let outcomes: Vec<Vec<&Outcome>> = loaded.iter().map(|l| results.of(&l.profile.table)).collect();
    let pages: Vec<TablePage<'_>> = loaded
        .iter()
        .zip(&outcomes)
        .zip(&extras)
        .map(|((loaded, outcomes), (trend, batches))| TablePage {
            profile: &loaded.profile,
            before: loaded.before.as_ref(),
            description: description
                .and_then(|d| d.table(&loaded.profile.table))
                .map(AsRef::as_ref),
            references: &references,
            outcomes,
            figures: figures.tables.get(&loaded.profile.table),
            masking,
            trend,
            batches,
        })
        .collect();
    for page in &pages {
        put(&layout.table_page(&page.profile.table), &page.html())?;
    }
    let batches = loaded.iter().zip(&extras);
    let batches = batches
        .map(|(one, (_, batches))| (one.profile.table.as_str(), batches.as_str()))
        .collect();
    let signals = signal_pages::write(layout, &rules, &references, masking, &batches)?;
    put(
        &layout.index_page(),
        &index(&pages, &figures, &runs, &signals, masking),
    )?;
    Ok(Written {
        index: layout.index_page(),
        tables: pages.len(),
    })
}

/// The profile of a table, if it is newer than all files of it and of as many batches.
fn fresh(layout: &Layout, files: &Files, table: &str) -> Result<Option<TableProfile>, Error> {
    let written = |path: &std::path::Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    let Some(made) = written(&layout.profile(table)) else {
        return Ok(None);
    };
    let files = files.of(table);
    if files
        .iter()
        .any(|file| written(&file.path).is_none_or(|at| at > made))
    {
        return Ok(None);
    }
    let profile = TableProfile::read(layout, table)?;
    let batches = files.iter().map(|file| file.batch);
    Ok(profile.filter(|profile| batches.eq(profile.batches.iter().copied())))
}

pub(super) fn put(path: &std::path::Path, html: &str) -> Result<(), Error> {
    let write = || {
        if let Some(directory) = path.parent() {
            private::make_dirs(directory)?;
        }
        private::replace(path, html.as_bytes())
    };
    write().map_err(|e| Error::file(path, e))
}
