"""Reads one case a line as JSON and prints the original's new jobs as JSON: [[action, waits for, needs, command], …]."""

import json
import sys
import warnings

from opensafely._vendor.pipeline import load_pipeline
from opensafely.jobrunner.create_or_update_jobs import get_new_jobs_to_run
from opensafely.jobrunner.models import Job, JobRequest, State, StatusCode

warnings.simplefilter("ignore")
for line in sys.stdin:
    case = json.loads(line)
    pipeline = load_pipeline(case["project"], "project.yaml")
    past = [
        Job(
            job_request_id="before",
            state=State(state),
            status_code=StatusCode.CREATED,
            workspace="w",
            action=action,
            created_at=1,
            updated_at=1,
        )
        for action, state in case["past"]
    ]
    request = JobRequest(
        id="now",
        repo_url="",
        commit=None,
        requested_actions=case["request"],
        cancelled_actions=[],
        workspace="w",
        codelists_ok=True,
        database_name="",
        force_run_dependencies=case["force"],
    )
    jobs = get_new_jobs_to_run(request, pipeline, past)
    names = {job.id: job.action for job in jobs + past}
    print(
        json.dumps(
            sorted(
                [
                    job.action,
                    sorted(names[number] for number in job.wait_for_job_ids),
                    job.requires_outputs_from,
                    job.run_command,
                ]
                for job in jobs
            )
        )
    )
