use clap::Args;

use super::{Format, Place, say};
use crate::Result;
use crate::plan::{self, History, Request};
use crate::record::Record;
use crate::stale;
use crate::store::Layout;

/// Arguments of `pipeline plan`.
#[derive(Args)]
pub(super) struct Plan {
    #[command(flatten)]
    place: Place,
    /// Actions to run; run_all for all of them
    #[arg(required = true, value_name = "ACTION")]
    actions: Vec<String>,
    /// Run everything that they need again
    #[arg(short, long)]
    force: bool,
    /// Run what is needed and stale again
    #[arg(long)]
    stale: bool,
    /// How the plan is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Plan {
    pub(super) fn run(&self) -> Result<bool> {
        let checked = self.place.project()?;
        let layout = Layout::new(&self.place.workspace());
        let record = if Record::exists(&layout) {
            Some(Record::open(&layout)?)
        } else {
            None
        };
        let mut request = Request {
            actions: self.actions.clone(),
            force: self.force,
            ..Request::default()
        };
        let history = match &record {
            Some(record) => record.history(&layout)?,
            None => History::new(),
        };
        if self.stale
            && let Some(record) = &record
        {
            request.stale = stale(&checked.project, record, &layout, &self.place.project_dir)?;
        }
        let plan = plan::plan(&checked.project, &history, &request)?;
        say(&match self.format {
            Format::Text => plan::text(&plan),
            Format::Json => serde_json::to_string_pretty(&plan).unwrap_or_default() + "\n",
            Format::Mermaid => plan::mermaid(&checked.project, &plan),
            Format::Svg => plan::svg(&checked.project, &plan),
        });
        Ok(true)
    }
}
