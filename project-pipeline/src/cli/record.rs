//! `pipeline status`, `outputs`, `stale` and `cancel`.

use clap::Args;

use super::{Place, say};
use crate::record::{Record, duration, stamp};
use crate::store::Layout;
use crate::{Result, stale};

/// Arguments of the commands that read the record.
#[derive(Args)]
pub(super) struct Look {
    #[command(flatten)]
    place: Place,
    /// JSON for programs
    #[arg(long)]
    json: bool,
}

/// Arguments of `pipeline cancel`.
#[derive(Args)]
pub(super) struct Cancel {
    #[command(flatten)]
    place: Place,
    /// Actions to cancel; all that wait or run unless given
    #[arg(value_name = "ACTION")]
    actions: Vec<String>,
}

impl Look {
    pub(super) fn status(&self) -> Result<bool> {
        let record = Record::open(&Layout::new(&self.place.workspace()))?;
        let Some(request) = record.requests()?.pop() else {
            say("no request yet\n");
            return Ok(true);
        };
        let jobs = record.jobs(&request.id)?;
        if self.json {
            say(&(serde_json::to_string_pretty(&(&request, &jobs)).unwrap_or_default() + "\n"));
            return Ok(true);
        }
        say(&format!(
            "request {} of {} by {}: {}\n",
            request.id,
            stamp(request.created_at),
            request.who,
            request.requested_actions.join(", ")
        ));
        for job in &jobs {
            let time = job
                .started_at
                .zip(job.completed_at)
                .map_or_else(String::new, |(start, end)| duration(end - start));
            say(&format!(
                "  {:24} {:22} {time:>9}  {}\n",
                job.action,
                job.status.name(),
                job.message
            ));
        }
        Ok(true)
    }

    pub(super) fn outputs(&self) -> Result<bool> {
        let rows = Record::open(&Layout::new(&self.place.workspace()))?.outputs()?;
        if self.json {
            say(&(serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n"));
            return Ok(true);
        }
        for row in rows.iter().filter(|row| !row.overwritten) {
            let note = match (&row.held, row.small_cells) {
                (Some(why), _) => format!("  held back: {why}"),
                (None, 0) => String::new(),
                (None, 1) => "  1 small cell".to_owned(),
                (None, count) => format!("  {count} small cells"),
            };
            say(&format!(
                "{:40} {:22} {}{note}\n",
                row.path,
                row.level.key(),
                row.action
            ));
        }
        Ok(true)
    }

    pub(super) fn stale(&self) -> Result<bool> {
        let checked = self.place.project()?;
        let layout = Layout::new(&self.place.workspace());
        let record = Record::open(&layout)?;
        let stale = stale(&checked.project, &record, &layout, &self.place.project_dir)?;
        let rows = record.outputs()?;
        let files = |action: &str| -> Vec<String> {
            let own = rows.iter().filter(|row| row.action == action && !row.overwritten);
            own.map(|row| row.path.clone()).collect()
        };
        if self.json {
            let entry = |(action, why): (&String, &String)| {
                let files = files(action);
                (action.clone(), serde_json::json!({"reason": why, "files": files}))
            };
            let stale: serde_json::Map<String, serde_json::Value> = stale.iter().map(entry).collect();
            say(&(serde_json::to_string_pretty(&stale).unwrap_or_default() + "\n"));
            return Ok(stale.is_empty());
        }
        for (action, why) in &stale {
            say(&format!("{action}: {why}\n"));
            files(action).iter().for_each(|file| say(&format!("  {file}\n")));
        }
        if stale.is_empty() {
            say("nothing is stale\n");
        }
        Ok(stale.is_empty())
    }
}

impl Cancel {
    pub(super) fn run(&self) -> Result<bool> {
        let record = Record::open(&Layout::new(&self.place.workspace()))?;
        let marked = record.cancel(&self.actions)?;
        if marked.is_empty() {
            say("nothing of that waits or runs\n");
        }
        for action in &marked {
            say(&format!("{action} is being cancelled\n"));
        }
        Ok(!marked.is_empty())
    }
}
