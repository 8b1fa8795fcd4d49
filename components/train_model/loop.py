"""The training loop: deterministic batches, metrics line by line, checkpoints that a killed run goes on from."""

import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from components.core.contracts.errors import SourceError
from components.core.digests import seed_of
from components.core.models.features import Features, padded
from components.core.progress import progress_of
from components.core.runs import current_run_dir
from components.train_model.batches import plan_batches, share_of
from components.train_model.checkpoints import new_draft, newest_checkpoint, publish_checkpoint
from components.train_model.examples import Example
from components.train_model.schedule import learning_rate_at
from components.train_model.training_job import TrainingJob


class Trainer:
    """Runs the steps of one job on one process of a DeepSpeed engine."""

    def __init__(self, job: TrainingJob, engine: Any, features: Features, rank: int, processes: int) -> None:
        self._job = job
        self._engine = engine
        self._features = features
        self._rank = rank
        self._processes = processes

    def run(self, training: Sequence[Example], held_out: Sequence[Example]) -> None:
        """Do the steps that are left.

        Raises:
            SourceError: there is nothing to train on, or the loss is no longer a number.
        """
        settings = self._job.settings
        if not training:
            raise SourceError(
                "train_model: no accepted sample in the train split; look into the quarantine of validate_data"
            )
        batches = plan_batches(
            [example.sample_id for example in training],
            [example.ids.length(settings.queries) for example in training],
            steps=settings.steps,
            batch=settings.batch,
            seed=settings.seed,
        )
        done = self._resume()
        for step in self._steps(done):
            row = self._step(step, [training[i] for i in batches[step]])
            if held_out and ((step + 1) % settings.validate_every == 0 or step + 1 == settings.steps):
                row["validation_loss"] = self._validation_loss(held_out)
            self._log(row)
            if (step + 1) % settings.checkpoint_every == 0:
                self._checkpoint(step + 1)

    def _steps(self, done: int) -> Iterator[int]:
        steps = range(done, self._job.settings.steps)
        if self._rank:
            return iter(steps)
        return progress_of("train_model").track(
            steps, label="train", unit="steps", total=self._job.settings.steps, first=done
        )

    def _step(self, step: int, batch: Sequence[Example]) -> dict[str, float]:
        started_s = time.perf_counter()
        settings = self._job.settings
        rate = learning_rate_at(
            step, peak=settings.learning_rate, warmup_steps=settings.warmup_steps, steps=settings.steps
        )
        for group in self._engine.optimizer.param_groups:
            group["lr"] = rate
        # Dropout belongs to the step, so that a resumed run draws the same masks.
        torch.manual_seed(seed_of(settings.seed, f"step {step}", str(self._rank)))
        self._engine.train()
        tokens = sum(len(example.ids.target) for example in batch)
        nll = self._nll([batch[i] for i in share_of(range(len(batch)), self._rank, self._processes)]).sum()
        # DeepSpeed averages gradients over processes; the loss is the mean over the tokens of the whole step.
        self._engine.backward(nll * (self._processes / tokens))
        self._engine.step()
        loss = self._summed(nll.detach()) / tokens
        if not math.isfinite(loss):
            raise SourceError(
                f"train_model: the loss of step {step} is {loss}; lower learning_rate ({settings.learning_rate})"
            )
        seconds = time.perf_counter() - started_s
        return {"step": step, "loss": loss, "learning_rate": rate, "tokens": tokens, "seconds": round(seconds, 3)}

    def _nll(self, examples: Sequence[Example]) -> Tensor:
        features, frames = padded([self._features.read(example.clip_id) for example in examples])
        device = self._engine.device
        nll: Tensor = self._engine(features.to(device), frames.to(device), [example.ids for example in examples])
        return nll

    @torch.no_grad()
    def _validation_loss(self, examples: Sequence[Example]) -> float:
        """Return the mean loss a token over the validation samples; every process computes the same."""
        self._engine.eval()
        size = self._job.settings.batch
        parts = [examples[start : start + size] for start in range(0, len(examples), size)]
        total = sum(float(self._nll(part).sum()) for part in parts)
        return total / sum(len(example.ids.target) for example in examples)

    def _summed(self, value: Tensor) -> float:
        total = value.double()
        dist.all_reduce(total)
        return float(total)

    def _log(self, row: dict[str, float]) -> None:
        if self._rank:
            return
        run_dir = current_run_dir()
        files = [self._job.metrics_file, *([run_dir / "metrics" / "train_model.jsonl"] if run_dir else [])]
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a") as lines:
                lines.write(json.dumps(row) + "\n")

    def _checkpoint(self, steps_done: int) -> None:
        """Let every process write its part of the optimiser, then publish the whole from the first."""
        folder = [str(new_draft(self._job.checkpoints)) if self._rank == 0 else None]
        dist.broadcast_object_list(folder, src=0)
        draft = Path(str(folder[0]))
        self._engine.save_checkpoint(str(draft), tag="state", exclude_frozen_parameters=True)
        dist.barrier()
        if self._rank == 0:
            publish_checkpoint(draft, steps_done)
        dist.barrier()

    def _resume(self) -> int:
        """Load the newest whole checkpoint and return how many steps it holds; drop the log lines after it."""
        found = newest_checkpoint(self._job.checkpoints)
        done = 0
        if found:
            folder, done = found
            self._engine.load_checkpoint(str(folder), tag="state", load_module_strict=False)
        if self._rank == 0 and self._job.metrics_file.is_file():
            rows = [json.loads(line) for line in self._job.metrics_file.read_text().splitlines() if line.endswith("}")]
            kept = [row for row in rows if row["step"] < done]
            self._job.metrics_file.write_text("".join(json.dumps(row) + "\n" for row in kept))
        dist.barrier()
        return done
