"""A run as OpenLineage events, a pure function of its records: told again, every event is the same.

A run is the job `alignment`, each stage the job `alignment.<stage>` within it. A gate that was not passed ends its
stage or its run as failed; what was killed or interrupted is aborted.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.facet_v2 import JobFacet, RunFacet, job_type_job

from components.core.runs import RunRecord, StageRecord, State, read_stage
from components.core.stages import STAGES
from pipelines.ending import was_stopped
from pipelines.openlineage.datasets import Records, inputs_of, outputs_of
from pipelines.openlineage.facets import NAMESPACE, engine_facet, error_facets, parent_facet, run_tags
from pipelines.publish.published import LATER, starts_from_published
from pipelines.status import KILLED, settled

JOB = "alignment"
_IDS = uuid.uuid5(uuid.NAMESPACE_OID, "desta.openlineage")
_ENDS = {State.SUCCEEDED: RunState.COMPLETE, State.REFUSED: RunState.FAIL, State.FAILED: RunState.FAIL}


def events_of(run_dir: Path) -> list[RunEvent]:
    """Return all that can be told of a run by now, in order: its start, that of each stage with its end, and its end.

    Raises:
        ContractError: a record of the run, or a result that it made, is damaged.
    """
    run = settled(run_dir)
    records = {stage.name: record for stage in STAGES if (record := read_stage(run_dir, stage.name))}
    worked = LATER if starts_from_published(run.parameters) else STAGES
    events = [_event(RunState.START, run, None, run.started_s, {"tags": run_tags(_about(run))})]
    for stage in worked:
        if stage.name in records:
            events.extend(_of_stage(run, stage.name, records))
    if run.state is not State.RUNNING:
        events.append(_event(_end(run), run, None, run.started_s + run.seconds, error_facets(run.error)))
    return events


def run_uuid(run_id: str, stage: str | None = None) -> str:
    """Return the id of a run, or of a stage in it, as the standard wants it."""
    return str(uuid.uuid5(_IDS, f"{run_id}/{stage}" if stage else run_id))


def _of_stage(run: RunRecord, stage: str, records: Records) -> Iterator[RunEvent]:
    record = records[stage]
    started = {**records, stage: record.model_copy(update={"outputs": {}, "facts": {}})}
    begin = _event(RunState.START, run, stage, record.started_s, {})
    begin.inputs = inputs_of(stage, started)
    yield begin
    ended = _ended(run, record)
    if ended is None:
        return
    kind, at_s, line = ended
    end = _event(kind, run, stage, at_s, {"tags": run_tags(_done(record)), **error_facets(line)})
    end.inputs, end.outputs = inputs_of(stage, records), outputs_of(stage, records)
    yield end


def _ended(run: RunRecord, record: StageRecord) -> tuple[RunState, float, str | None] | None:
    """Say how and when a stage ended, and by which line; one that was still at work when its run ended, with it."""
    if record.state is not State.RUNNING:
        return _ENDS[record.state], record.started_s + record.seconds, record.error
    if run.state is State.RUNNING:
        return None
    return _end(run), max(record.started_s, run.started_s + run.seconds), run.error


def _end(run: RunRecord) -> RunState:
    return RunState.ABORT if run.error == KILLED or was_stopped(run.error) else _ENDS[run.state]


def _event(kind: RunState, run: RunRecord, stage: str | None, at_s: float, facets: Mapping[str, RunFacet]) -> RunEvent:
    within = {"parent": parent_facet(run_uuid(run.run_id), JOB)} if stage else {}
    about: dict[str, RunFacet] = {"processing_engine": engine_facet(), **within, **facets}
    job_type: dict[str, JobFacet] = {
        "jobType": job_type_job.JobTypeJobFacet("BATCH", "DESTA", "TASK" if stage else "PIPELINE")
    }
    return RunEvent(
        eventType=kind,
        eventTime=datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds"),
        run=Run(run_uuid(run.run_id, stage), about),
        job=Job(NAMESPACE, f"{JOB}.{stage}" if stage else JOB, job_type),
    )


def _about(run: RunRecord) -> dict[str, str]:
    """Return the tags by which a run is found here."""
    told = {"run_id": run.run_id, "profile": run.profile}
    return {**told, "data_revision": run.data_revision, "code_version": run.code_version}


def _done(record: StageRecord) -> dict[str, str]:
    return {"state": record.state, "reused": str(record.reused).lower()}
