"""The training loop: deterministic batches, metrics line by line, checkpoints that a killed run goes on from."""

import json
import math
import resource
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from components.core.contracts.errors import SourceError
from components.core.digests import seed_of
from components.core.models.features import Features, padded
from components.core.progress import progress_of
from components.core.runs import current_run_dir
from components.train_model.batches import cut_by_count, cut_by_tokens, parts_of, plan_batches, plan_by_tokens
from components.train_model.examples import Example, with_other_clips
from components.train_model.keeping import Keeper
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
        self._said = ""

    def run(self, training: Sequence[Example], held_out: Sequence[Example]) -> int:
        """Do the steps that are left, and return after which step the weights are that the engine then holds.

        Raises:
            SourceError: there is nothing to train on, the loss explodes, or a checkpoint cannot be written.
            ContractError: the checkpoint to go on from was made with something else.
        """
        settings = self._job.settings
        self._check_split("train", training)
        if settings.exported == "best":
            self._check_split("validation", held_out)
        batches = self._plan(training)
        keeper = Keeper(self._job, self._engine, self._rank)
        for step in self._steps(keeper.resume()):
            row = self._step(step, [training[i] for i in batches[step]])
            if held_out and ((step + 1) % settings.validate_every == 0 or step + 1 == settings.steps):
                row |= self._look(held_out)
                self._check("validation loss", step, row["validation_loss"], math.inf)
            self._log(row)
            keeper.keep(step + 1, row.get("validation_loss"))
        return keeper.take_best() if settings.exported == "best" else settings.steps

    @staticmethod
    def _check_split(split: str, examples: Sequence[Example]) -> None:
        if not examples:
            raise SourceError(
                f"train_model: no accepted sample in the {split} split; look into the quarantine of validate_data"
            )

    def _plan(self, examples: Sequence[Example]) -> list[list[int]]:
        settings = self._job.settings
        ids, lengths = [example.sample_id for example in examples], self._lengths(examples)
        if settings.batch_tokens:
            tokens = settings.batch_tokens
            return plan_by_tokens(ids, lengths, steps=settings.steps, batch_tokens=tokens, seed=settings.seed)
        return plan_batches(ids, lengths, steps=settings.steps, batch=settings.batch, seed=settings.seed)

    def _lengths(self, examples: Sequence[Example]) -> list[int]:
        return [example.ids.length(self._job.settings.queries) for example in examples]

    def _steps(self, done: int) -> Iterator[int]:
        total = self._job.settings.steps
        steps = range(done, total)
        if self._rank:
            return iter(steps)
        return progress_of("train_model").track(
            steps, label="train", unit="steps", total=total, first=done, note=lambda: self._said
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
        loss = self._summed(self._backward(batch, tokens)) / tokens
        self._check("loss", step, loss, settings.max_loss)
        norm = self._take_step()
        self._check("gradient norm", step, norm, math.inf)
        seconds = time.perf_counter() - started_s
        return {
            "step": step,
            "loss": loss,
            "learning_rate": rate,
            "gradient_norm": norm,
            "tokens": tokens,
            "samples": len(batch),
            "seconds": round(seconds, 3),
            "samples_per_s": round(len(batch) / seconds, 3),
            "tokens_per_s": round(sum(self._lengths(batch)) / seconds, 1),
            "memory_mib": peak_memory_mib(),
        }

    def _backward(self, batch: Sequence[Example], tokens: int) -> Tensor:
        """Add up the gradients of this process's part of a step, and return its negative log-likelihood in nats."""
        parts = parts_of(batch, rank=self._rank, processes=self._processes, at_once=self._job.settings.micro_batch)
        total = torch.zeros((), device=self._engine.device)
        for number, part in enumerate(parts):
            if self._job.settings.micro_batch:
                self._engine.set_gradient_accumulation_boundary(number + 1 == len(parts))
            # A process without a sample of its own computes one for nothing: the others wait for its collectives.
            nll = self._nll(part or batch[:1]).sum() * bool(part)
            # DeepSpeed averages gradients over processes; the loss is the mean over the tokens of the whole step.
            self._engine.backward(nll * (self._processes / tokens), scale_wrt_gas=False)
            total += nll.detach()
        return total

    def _take_step(self) -> float:
        """Let the optimiser step, and return the norm of the whole gradient before clipping."""
        if isinstance(self._engine.optimizer, torch.optim.Optimizer):  # stage 0 in float32: DeepSpeed keeps no norm
            gradients = [p.grad for group in self._engine.optimizer.param_groups for p in group["params"]]
            norm = float(torch.nn.utils.get_total_norm([g for g in gradients if g is not None]))
            self._engine.step()
            return norm
        self._engine.step()
        return float(self._engine.get_global_grad_norm())

    def _check(self, what: str, step: int, value: float, highest: float) -> None:
        if not (math.isfinite(value) and value <= highest):
            limit = f", more than max_loss {highest}" if math.isfinite(value) else ""
            raise SourceError(
                f"train_model: the {what} of step {step} is {value:.4g}{limit}; lower learning_rate "
                f"({self._job.settings.learning_rate}); the last checkpoint before it is kept"
            )

    def _nll(self, examples: Sequence[Example]) -> Tensor:
        features, frames = padded([self._features.read(example.clip_id) for example in examples])
        device = self._engine.device
        nll: Tensor = self._engine(features.to(device), frames.to(device), [example.ids for example in examples])
        return nll

    def _look(self, held_out: Sequence[Example]) -> dict[str, float]:
        """Return the loss on the validation samples, and how much higher it is when they are about other clips."""
        loss, others = self._validation_loss(held_out), with_other_clips(held_out)
        gain = {"audio_gain": self._validation_loss(others) - loss} if others else {}
        return {"validation_loss": loss, **gain}

    @torch.no_grad()
    def _validation_loss(self, examples: Sequence[Example]) -> float:
        """Return the mean loss a token over the validation samples, each of which one process looks at."""
        settings = self._job.settings
        self._engine.eval()
        places = range(len(examples))
        if settings.batch_tokens:
            batches = cut_by_tokens(places, self._lengths(examples), settings.batch_tokens)
        else:
            batches = cut_by_count(places, settings.batch)
        total = 0.0
        for batch in batches:
            mine = parts_of(batch, rank=self._rank, processes=self._processes, at_once=settings.micro_batch)
            total += sum(float(self._nll([examples[i] for i in part or batch[:1]]).sum()) * bool(part) for part in mine)
        return self._summed(torch.tensor(total, dtype=torch.float64, device=self._engine.device)) / sum(
            len(example.ids.target) for example in examples
        )

    def _summed(self, value: Tensor) -> float:
        total = value.double()
        dist.all_reduce(total)
        return float(total)

    def _log(self, row: dict[str, float]) -> None:
        if self._rank:
            return
        self._said = (
            f"loss {row['loss']:.3f}, {row['tokens_per_s']:.0f} tokens/s, {row['samples_per_s']:.1f} samples/s, "
            f"{row['memory_mib']:.0f} MiB"
        )
        run_dir = current_run_dir()
        files = [self._job.metrics_file, *([run_dir / "metrics" / "train_model.jsonl"] if run_dir else [])]
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a") as lines:
                lines.write(json.dumps(row) + "\n")


def peak_memory_mib() -> float:
    """Return the most memory that this process had so far: of its GPU where it has one, of the machine elsewhere."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 2**20, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 1)
