use clap::Args;

use super::{Format, Place, say};
use crate::Result;
use crate::plan::{self, History, Request};

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
    /// How the plan is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Plan {
    pub(super) fn run(&self) -> Result<bool> {
        let checked = self.place.project()?;
        let request = Request {
            actions: self.actions.clone(),
            force: self.force,
            ..Request::default()
        };
        let plan = plan::plan(&checked.project, &History::new(), &request)?;
        say(&match self.format {
            Format::Text => plan::text(&plan),
            Format::Json => serde_json::to_string_pretty(&plan).unwrap_or_default() + "\n",
            Format::Mermaid => plan::mermaid(&checked.project, &plan),
            Format::Svg => plan::svg(&checked.project, &plan),
        });
        Ok(true)
    }
}
