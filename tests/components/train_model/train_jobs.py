"""TrainJobs that do what a test writes down, and jobs that ask for them."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from components.core.contracts.records import GeneratorIdentity
from components.train_model.settings import TrainModelSettings
from components.train_model.training_job import TrainingJob, code_of_training
from tests.components.train_model.kubernetes_api import (
    Attempt,
    Manifest,
    container_status,
)

RUNNING = {"phase": "Running"}


DONE = {"phase": "Succeeded"}


PREEMPTED = {
    "phase": "Failed",
    "conditions": [
        {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": "default-scheduler: preempting to accommodate a higher priority pod",
        }
    ],
}


MISSED = {"phase": "Failed", **container_status({"terminated": {"exitCode": 1, "reason": "Error"}})}


Frame = tuple[tuple[str, str] | None, list[Manifest]]


Made = Callable[[Manifest, Manifest], Attempt]


class Scripted:
    """A TrainJob that goes on by one frame whenever somebody looks."""

    def __init__(self, *frames: Frame, says: Mapping[int, list[str]], does: dict[int, Callable[[], object]]) -> None:
        self._frames, self._says, self._does, self._seen = frames, says, does, -1

    def look(self) -> tuple[str, str] | None:
        self._seen = min(self._seen + 1, len(self._frames) - 1)
        self._does.pop(self._seen, lambda: None)()
        return self._frames[self._seen][0]

    def statuses(self) -> list[Manifest]:
        return self._frames[self._seen][1]

    def log(self, node: int) -> Iterator[bytes]:
        for line in self._says.get(node, []):
            yield f"{line}\n".encode()

    def stop(self) -> None:
        """Nothing runs."""


def scripted(*frames: Frame, says: Mapping[int, list[str]] | None = None, does: Any = None) -> Made:
    return lambda *_: Scripted(*frames, says=says or {}, does=dict(does or {}))


def make_job(home: Path, **nodes: Any) -> TrainingJob:
    given = {"restart_s": 0.01, "restarts": 1, **nodes}
    digest = "a" * 64
    names = ("accepted", "clips", "encoder", "llm", "features", "folder")
    (home / "folder").mkdir(exist_ok=True)
    return TrainingJob(
        code=code_of_training(),
        settings=TrainModelSettings(nodes=2, processes=2, launcher="trainer", trainer=given),
        accepted_digest=digest,
        encoder_digest=digest,
        llm_digest=digest,
        backbone=GeneratorIdentity(
            weights=digest, tokenizer=digest, chat_template=digest, engine="x", engine_version="1", dtype="float32"
        ),
        **{name: str(home / name) for name in names},
    )


def finishing(job: TrainingJob, **options: Any) -> Made:
    """A TrainJob that runs, makes the model and is complete."""
    return scripted(
        (None, []),
        (None, [RUNNING, RUNNING]),
        (("Complete", "jobset completed successfully"), [DONE, DONE]),
        does={2: lambda: job.model.mkdir(exist_ok=True)},
        **options,
    )


def ending(*statuses: Manifest, does: Callable[[], object] = lambda: None) -> Made:
    """A TrainJob that runs and fails, and what its pods then say."""
    failed = (("Failed", "jobset failed due to one or more job failures"), list(statuses))
    return scripted((None, [RUNNING, RUNNING]), failed, does={1: does})


def checkpoint(job: TrainingJob, step: int) -> Callable[[], object]:
    return lambda: (job.checkpoints / f"step-{step:07d}").mkdir(parents=True)


def names(manifests: list[Manifest]) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in manifests]
