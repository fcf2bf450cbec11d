//! The log of a job.

use crate::record::{Job, JobRequest, stamp};
use crate::store::{Collected, Layout};
use crate::{Error, Result};

/// Writes the log of an action's last job: what it wrote, then what is known of it.
pub(super) fn write(layout: &Layout, request: &JobRequest, job: &Job) -> Result<()> {
    let raw = layout.work().join(format!("{}.log", job.id));
    let mut text = std::fs::read(&raw).unwrap_or_default();
    let mut trailer = format!(
        "\n\njob_definition_id: {}\njob_definition_request_id: {}\naction: {}\nrun: {}\ncommit: {}\nisolation: {}\nexit_code: {}\n\
             created_at: {}\nstarted_at: {}\ncompleted_at: {}\nstatus: {}\nstatus_message: {}\n",
        job.id,
        job.request,
        job.action,
        job.run,
        request.commit.as_deref().unwrap_or("none"),
        job.isolation,
        job.exit_code
            .map_or_else(|| "none".to_owned(), |code| code.to_string()),
        stamp(job.created_at),
        job.started_at.map(stamp).unwrap_or_default(),
        job.completed_at.map(stamp).unwrap_or_default(),
        job.status,
        job.message,
    );
    if !job.outputs.is_empty() {
        trailer.push_str("\noutputs:\n");
        let width = job
            .outputs
            .keys()
            .map(|path| path.chars().count())
            .max()
            .unwrap_or(0);
        for (path, level) in &job.outputs {
            trailer.push_str(&format!("  {path:width$} - {level}\n"));
        }
    }
    if !job.excluded.is_empty() {
        trailer.push_str("\nheld back:\n");
        for (path, why) in &job.excluded {
            trailer.push_str(&format!("  {path}: {why}\n"));
        }
    }
    text.extend_from_slice(trailer.as_bytes());
    let path = layout.log(&job.action);
    crate::record::replace(&path, &text).map_err(|source| Error::write(&path, source))?;
    let _ = std::fs::remove_file(raw);
    Ok(())
}

/// Why a job has not all its outputs, with the files that were perhaps meant.
pub(super) fn unmatched(collected: &Collected) -> String {
    let mut message = format!("no file fits {}", collected.unmatched.join(", "));
    if !collected.refused.is_empty() {
        message.push_str("; refused: ");
        let refused: Vec<String> = collected
            .refused
            .iter()
            .map(|(path, (_, why))| format!("{path} ({why})"))
            .collect();
        message.push_str(&refused.join(", "));
    }
    if !collected.others.is_empty() {
        message.push_str(&format!("; it made other files: {}", collected.others.join(", ")));
    }
    message
}
