"""Keeps the state of a training: what a killed run goes on from, and the best that it has been."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import torch.distributed as dist

from components.core.contracts.errors import SourceError
from components.core.contracts.records import MODEL_PARTS
from components.core.publishing import no_room, write_file
from components.train_model.checkpoints import (
    best_checkpoint,
    check_made_with,
    drop_after,
    new_draft,
    newest_checkpoint,
    publish_checkpoint,
)
from components.train_model.training_job import TrainingJob

_TAG = "state"

T = TypeVar("T")


class Keeper:
    """Writes and reads checkpoints of one engine; all processes call it together, the first one decides."""

    def __init__(self, job: TrainingJob, engine: Any, rank: int) -> None:
        self._job = job
        self._engine = engine
        self._rank = rank
        self._best = float("inf")
        backbone = {part: getattr(job.backbone, part) for part in MODEL_PARTS}
        self._made_with = {**backbone, "encoder": job.encoder_digest, "accepted samples": job.accepted_digest}

    def resume(self) -> int:
        """Load the newest whole checkpoint and return how many steps it holds; forget what came after it.

        Raises:
            ContractError: it was made with another model or other samples.
        """
        found = self._chosen(newest_checkpoint)
        done = 0
        if found:
            folder, checkpoint = found
            check_made_with(checkpoint, self._made_with)
            self._load(folder)
            done = checkpoint.steps_done
        if self._rank == 0:
            drop_after(self._job.checkpoints, done)
            self._forget_rows_after(done)
        best = self._chosen(best_checkpoint)
        self._best = best[1] if best else float("inf")
        return done

    def keep(self, steps_done: int, validation_loss: float | None) -> None:
        """Write a checkpoint where one is due, and where the validation loss has never been lower.

        Raises:
            SourceError: there is no room for it.
        """
        if validation_loss is not None and validation_loss < self._best:
            self._best = validation_loss
            self._write(steps_done, validation_loss)
        elif steps_done % self._job.settings.checkpoint_every == 0:
            self._write(steps_done, validation_loss)

    def take_best(self) -> int:
        """Load the checkpoint of the lowest validation loss and return how many steps it holds.

        Raises:
            SourceError: somebody removed it.
        """
        best = self._chosen(best_checkpoint)
        if best is None:
            raise SourceError(f"train_model: no whole checkpoint with a validation loss in {self._job.checkpoints}")
        folder, _, steps_done = best
        if steps_done != self._job.settings.steps:
            self._load(folder)
        return steps_done

    def _write(self, steps_done: int, validation_loss: float | None) -> None:
        """Let every process write its part of the optimiser, then publish the whole from the first."""
        draft = self._chosen(new_draft)
        try:
            self._engine.save_checkpoint(str(draft), tag=_TAG, exclude_frozen_parameters=True)
            dist.barrier()
            if self._rank == 0:
                publish_checkpoint(draft, steps_done, self._made_with, validation_loss)
        except (OSError, RuntimeError) as error:  # torch's own writer has no other name for a full disk
            shutil.rmtree(draft, ignore_errors=True)
            what = f"train_model: the checkpoint after {steps_done} steps"
            raise no_room(what, self._job.checkpoints, str(error).splitlines()[0]) from error
        dist.barrier()

    def _load(self, folder: Path) -> None:
        self._engine.load_checkpoint(str(folder), tag=_TAG, load_module_strict=False)

    def _chosen(self, choose: Callable[[Path], T]) -> T:
        """Return what the first process finds in the folder of checkpoints, in all processes."""
        found = [choose(self._job.checkpoints)] if self._rank == 0 else [None]
        dist.broadcast_object_list(found, src=0)
        return cast(T, found[0])

    def _forget_rows_after(self, done: int) -> None:
        file = self._job.metrics_file
        if file.is_file():
            rows = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
            write_file(file, "".join(json.dumps(row) + "\n" for row in rows if row["step"] < done))
