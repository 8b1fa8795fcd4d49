"""Publishing: the accepted dataset of a run put under `data/` and versioned with DVC, whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.core.cards import CARD
from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.contracts.records import Record, Sha256
from components.core.home import Home
from components.core.publishing import alone, draft_of, published, write_file
from components.core.runs import read_run
from pipelines.erasure.unfinished import require_none_unfinished
from pipelines.export.accepted import accepted_dataset, run_to_export
from pipelines.export.card import card
from pipelines.export.dataset import Dataset
from pipelines.export.exporting import copy_notices
from pipelines.export.rollup import Rollup
from pipelines.journal import Event, telling
from pipelines.publish.published import FOLDER, RECORD, PublishedRecord, checked_name, open_results, read_record
from pipelines.publish.versions import POINTER, data_versions

USE = """\
`accepted/` holds the samples and `clips/` the audio, both as the stages of `desta` wrote them, verified by digest:
`desta run --from-published {name}` trains and evaluates a model on them."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for: a run (`None`: the latest that succeeded), a name (`None`: after the content), and how far."""

    run_id: str | None = None
    name: str | None = None
    push: bool = True
    dry_run: bool = False


class Publication(Record):
    """What was published, or would be in a dry run; `revision` is the md5 that `data.dvc` then holds."""

    name: str
    folder: str
    run_id: str
    accepted: Sha256
    clips: Sha256
    samples: int
    hours: float
    licences: tuple[str, ...]
    dry_run: bool
    revision: str | None
    pushed_to: str | None
    commit: tuple[str, ...]

    def __str__(self) -> str:
        what = f"{self.samples} samples ({self.hours:.2f} h) of run {self.run_id}; licences {', '.join(self.licences)}"
        if self.dry_run:
            to = f"push to {self.pushed_to}" if self.pushed_to else "no push"
            return f"{self.folder}: would hold {what}; {to}"
        lines = [f"{self.folder}: {what}", f"revision {self.revision} of data/, {self._reach()}"]
        if self.commit:
            lines.append(f"commit it: git add {' '.join(self.commit)} && git commit -m 'Publish {self.name}'")
        return "\n".join([*lines, f"train on it: desta run --from-published {self.name}"])

    def _reach(self) -> str:
        return (
            f"pushed to {self.pushed_to}" if self.pushed_to else "on this machine only: `dvc push` before you share it"
        )


def publish(request: Request, home: Home, root: Path) -> Publication:
    """Put the accepted dataset of a run under `root`'s `data/published/` and version it; published again, it stays.

    What else changed in `data/` is left as it is. When anything fails, `data/` and `data.dvc` are as before.

    Raises:
        ConfigurationError: an unknown run, one without accepted samples, a name that is taken, no DVC or remote.
        GateRefused: a gate did not let the run's samples pass.
        ContractError: an artifact or the journal is damaged.
        SourceError: the disk or DVC fails.
    """
    require_none_unfinished(home)
    run_dir = run_to_export(home, request.run_id)
    with data_versions(root) as versions, alone(root / ".dvc" / "tmp" / "desta-publish.lock"):
        remote = versions.remote() if request.push else None
        if remote:
            versions.require_cached()
        dataset = accepted_dataset(home, run_dir)
        record = _record(run_dir, dataset, checked_name(request.name or dataset.name))
        folder = root / FOLDER / record.name
        _require_free(folder, record)
        rollup = Rollup(dataset.clips)
        for _ in rollup.passing(dataset.groups()):
            pass
        planned = _planned(record, rollup, remote)
        if request.dry_run:
            return planned
        with telling(home, Event.PUBLICATION_STARTED, Event.PUBLISHED, _told(planned)) as told:
            with _undone_on_failure(folder, root / POINTER):
                _write(folder, record, dataset, rollup)
                versions.add(FOLDER / record.name)
                if remote:
                    versions.push()
            told["revision"] = versions.revision
        done = {"dry_run": False, "revision": versions.revision, "commit": versions.to_commit()}
        return planned.model_copy(update=done)


def _told(planned: Publication) -> dict[str, str | None]:
    return {name: getattr(planned, name) for name in ("name", "run_id", "accepted", "clips", "pushed_to")}


def _planned(record: PublishedRecord, rollup: Rollup, remote: str | None) -> Publication:
    return Publication(
        name=record.name,
        folder=str(FOLDER / record.name),
        run_id=record.run_id,
        accepted=record.accepted,
        clips=record.clips,
        samples=rollup.total.samples,
        hours=round(rollup.total.hours, 4),
        licences=tuple(sorted(rollup.licences)),
        dry_run=True,
        revision=None,
        pushed_to=remote,
        commit=(),
    )


def _record(run_dir: Path, dataset: Dataset, name: str) -> PublishedRecord:
    run = read_run(run_dir)
    return PublishedRecord(
        name=name,
        run_id=run.run_id,
        data_revision=run.data_revision,
        code_version=run.code_version,
        llm=dataset.recipe.llm,
        accepted=dataset.accepted.digest,
        clips=dataset.clips.digest,
    )


def _require_free(folder: Path, record: PublishedRecord) -> None:
    if not os.path.lexists(folder):
        return
    there = read_record(folder)
    if there.content != record.content:
        raise ConfigurationError(
            f"{folder}: holds accepted samples {there.accepted[:12]} of run {there.run_id}, not "
            f"{record.accepted[:12]} of run {record.run_id}; give this one another --name"
        )
    open_results(folder, there)


@contextmanager
def _undone_on_failure(folder: Path, pointer: Path) -> Iterator[None]:
    """Leave things as they were when the block fails; a folder that was there before stays."""
    was_there, pointed = folder.is_dir(), pointer.read_bytes()
    try:
        yield
    except BaseException as error:
        if not was_there:
            for made in (folder, draft_of(folder)):
                shutil.rmtree(made, ignore_errors=True)
        write_file(pointer, pointed)
        if isinstance(error, OSError):
            raise SourceError(f"{folder}: cannot be written: {error.strerror or error}; free room") from error
        raise


def _write(folder: Path, record: PublishedRecord, dataset: Dataset, rollup: Rollup) -> None:
    """Copy the artifacts, since what lies under `data/` is people's to touch and the store is not."""
    if folder.is_dir():
        return
    with published(folder) as draft:
        for artifact in (dataset.accepted, dataset.clips):
            shutil.copytree(artifact.folder, draft / artifact.manifest.kind)
        (draft / CARD).write_text(card(dataset, rollup, USE.format(name=record.name)), encoding="utf-8")
        copy_notices(dataset, draft)
        (draft / RECORD).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
