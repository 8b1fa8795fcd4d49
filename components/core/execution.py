"""One way to run a stage: find a finished result by its key, or make it, and publish it whole.

The key is the digest of everything that decides a result: stage, code, settings, inputs, models, sources. A result
lives in `store/<stage>/<key>/`; what a killed stage had done waits in `work/<stage>/<key>/` for the next attempt.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import (
    MANIFEST,
    Artifact,
    Counts,
    Draft,
    Lineage,
    Manifest,
    open_artifact,
    read_manifest,
)
from components.core.contracts.errors import ConfigurationError, DestaError, GateRefused
from components.core.digests import code_digest, digest_of
from components.core.home import Home
from components.core.progress import Progress, progress_of
from components.core.publishing import alone, explaining_no_room, place, published
from components.core.runs import Increment, Output, StageRecord, State, forget_failure, write_stage
from components.core.settings import Settings
from components.core.stages import Stage


@dataclass(frozen=True, kw_only=True)
class Job:
    """A stage with everything that decides its result; `inputs` are verified, `models` and `sources` are digests."""

    stage: Stage
    settings: Settings
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def lineage(self) -> Lineage:
        """Return what the result is made from, with its key."""
        return lineage_of(
            self.stage,
            self.settings,
            {n: a.digest for n, a in self.inputs.items()},
            dict(self.models),
            dict(self.sources),
        )


def lineage_of(
    stage: Stage, settings: Settings, inputs: dict[str, str], models: dict[str, str], sources: dict[str, str]
) -> Lineage:
    """Compute the lineage of a result before it exists, so that a plan can ask whether it does."""
    parts: dict[str, Any] = {
        "stage": stage.name,
        "code": code_digest("components.core", f"components.{stage.name}"),
        "settings": settings.deciding(),
        "inputs": inputs,
        "models": models,
        "sources": sources,
    }
    return Lineage(**parts, key=digest_of(parts))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a stage has to say about its result.

    `facts` are small numbers and names that become part of it; `refusals` are the lines of a gate it did not pass.
    `increment` is what this process had to do for it: it goes into the record of the run and not into the result.
    """

    counts: Counts
    facts: Mapping[str, Any] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()
    increment: Increment | None = None


@dataclass(frozen=True)
class Workplace:
    """Where a stage works: the draft of its result, a folder that survives a kill, and its progress."""

    draft: Draft
    resume: Path
    progress: Progress


Work = Callable[[Workplace], Outcome]


def execute(job: Job, output: Path, home: Home, work: Work) -> Artifact:
    """Bring the result of `job` to `output`, computing it only when the store does not have it.

    Raises:
        GateRefused: the result exists but a gate that stops the run did not let it pass.
        DestaError: whatever the work could explain.
    """
    started_s = time.time()
    lineage = job.lineage()
    result = home.store / job.stage.name / lineage.key
    write_stage(_record(job.stage, started_s, State.RUNNING))
    try:
        with alone(home.work / job.stage.name / f"{lineage.key}.lock"):
            reused = result.is_dir()
            increment = None if reused else _make(job, lineage, home, result, work)
        artifact = open_artifact(result, job.stage.output)
        _deliver(result, output)
    except BaseException as error:
        line = str(error) if isinstance(error, DestaError) else f"{type(error).__name__}: {error}"
        write_stage(_record(job.stage, started_s, State.FAILED, error=line))
        raise
    refusals = artifact.manifest.facts.get("refusals", [])
    stopped = job.stage.stops and bool(refusals)
    state = State.REFUSED if stopped else State.SUCCEEDED
    error_line = "; ".join(refusals) if stopped else None
    made = _record(job.stage, started_s, state, artifact.manifest, result, error_line)
    write_stage(made.model_copy(update={"reused": reused, "increment": increment}))
    forget_failure()
    if stopped:
        raise GateRefused(f"{job.stage.name}: {error_line}; look into {result}")
    return artifact


def _deliver(result: Path, output: Path) -> None:
    """Place a result where it is asked for; an earlier result there gives way, anything else is left alone."""
    if (output / MANIFEST).is_file():
        shutil.rmtree(output)
    elif output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ConfigurationError(f"{output}: exists and is not a result of a stage; name another place for the output")
    place(result, output)


def _make(job: Job, lineage: Lineage, home: Home, result: Path, work: Work) -> Increment | None:
    resume = home.work / job.stage.name / lineage.key
    resume.mkdir(parents=True, exist_ok=True)
    with explaining_no_room(job.stage.name, home.root), published(result) as folder:
        draft = Draft(folder)
        outcome = work(Workplace(draft, resume, progress_of(job.stage.name, job.stage.part)))
        facts = {**outcome.facts, "refusals": list(outcome.refusals)}
        draft.close(kind=job.stage.output, counts=outcome.counts, facts=facts, lineage=lineage)
    shutil.rmtree(resume)
    return outcome.increment


def _record(
    stage: Stage,
    started_s: float,
    state: State,
    manifest: Manifest | None = None,
    folder: Path | None = None,
    error: str | None = None,
) -> StageRecord:
    counts = manifest.counts if manifest else Counts(rows_in=0, rows_out=0, refused={})
    outputs = {stage.output: Output(digest=manifest.digest, path=str(folder))} if manifest else {}
    return StageRecord(
        stage=stage.name,
        part=stage.part,
        state=state,
        reused=False,
        rows_in=counts.rows_in,
        rows_out=counts.rows_out,
        refused=counts.refused,
        seconds=time.time() - started_s,
        started_s=started_s,
        outputs=outputs,
        facts=manifest.facts if manifest else {},
        error=error,
    )


def latest_result(home: Home, stage: Stage) -> Manifest | None:
    """Return the manifest of the newest finished result of a stage, to say what a new one differs in.

    A shard of a result stands in the store too, and is none.
    """
    folders = [f for f in (home.store / stage.name).glob("*") if not f.name.startswith(".")]
    newest = sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True)
    return next((manifest for manifest in map(read_manifest, newest) if manifest.kind == stage.output), None)
