//! The first entry of a job in the record.

use std::collections::BTreeMap;

use super::identity;
use crate::Project;
use crate::plan::{PlannedJob, Reason};
use crate::record::{Job, JobRequest, StatusCode};

/// A job that has not begun.
pub(super) fn new_job(project: &Project, planned: &PlannedJob, request: &JobRequest) -> Job {
    let outputs = project
        .action(&planned.action)
        .map(|action| action.outputs.as_slice())
        .unwrap_or_default();
    let waits = !planned.waits_for.is_empty();
    Job {
        id: identity::job(&request.id, &planned.action),
        request: request.id.clone(),
        action: planned.action.clone(),
        status: if waits {
            StatusCode::WaitingOnDependencies
        } else {
            StatusCode::Created
        },
        message: if waits {
            format!("waits for {}", planned.waits_for.join(", "))
        } else {
            "created".to_owned()
        },
        reason: Reason::words(&planned.reason),
        run: planned.run.clone(),
        inputs_from: planned.inputs_from.clone(),
        waits_for: planned.waits_for.clone(),
        output_spec: outputs
            .iter()
            .map(|output| (output.pattern.clone(), output.level))
            .collect(),
        outputs: BTreeMap::new(),
        output_digests: BTreeMap::new(),
        input_digests: BTreeMap::new(),
        code_digest: request.code_digest.clone(),
        excluded: BTreeMap::new(),
        unmatched: Vec::new(),
        cancelled: false,
        exit_code: None,
        isolation: String::new(),
        created_at: request.created_at,
        started_at: None,
        completed_at: None,
        peak_memory: 0,
    }
}
