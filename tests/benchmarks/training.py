"""Training steps under ZeRO 0 to 3 beside the bare forward and backward of the same tensors, in turns, in one process.

python -m tests.benchmarks.training --accepted DIR --clips DIR [--steps N]

Under `torchrun --nproc-per-node=N -m` it measures N processes; the bare way is then that of one of them.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import deepspeed
import torch
import torch.distributed as dist

from components.core.contracts.artifacts import read_manifest
from components.core.home import current_home
from components.core.models.adapter import untrained_adapter
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.features import Features, padded
from components.core.models.loading import best_device, load_llm
from components.core.models.store import ENCODER, LLM, identity_of, resolve_model
from components.train_model import worker
from components.train_model.batches import parts_of, plan_batches
from components.train_model.examples import Example
from components.train_model.launch import NOTHING_COMPILED
from components.train_model.loop import Trainer
from components.train_model.training_job import TrainingJob, code_of_training
from pipelines.profiles import sample

BARE = "bare forward and backward"
ALONE = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}


def main() -> None:
    """Let every way do each step before the next step, and print the better half of its steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accepted", type=Path, required=True, help="samples that validate_data let through")
    parser.add_argument("--clips", type=Path, required=True, help="the clips that they are about")
    parser.add_argument("--steps", type=int, default=12, metavar="N")
    args = parser.parse_args()
    os.environ.update({**ALONE, **NOTHING_COMPILED, **os.environ})
    if not torch.cuda.is_available():
        os.environ["DS_ACCELERATOR"] = "cpu"
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(dist_backend="nccl" if torch.cuda.is_available() else "gloo", verbose=False)
    with tempfile.TemporaryDirectory() as scratch:
        measure(job_of(args, Path(scratch)), dist.get_rank(), dist.get_world_size())
    dist.destroy_process_group()


def job_of(args: argparse.Namespace, scratch: Path) -> TrainingJob:
    """Describe a training of the default settings on the inputs that were named."""
    home = current_home()
    encoder, llm = resolve_model(ENCODER, home.models), resolve_model(LLM, home.models)
    processes = int(os.environ["WORLD_SIZE"])
    return TrainingJob(
        code=code_of_training(),
        settings=sample().train_model.model_copy(
            update={"steps": args.steps, "warmup_steps": 0, "processes": processes}
        ),
        accepted=str(args.accepted),
        accepted_digest=read_manifest(args.accepted).digest,
        clips=str(args.clips),
        encoder=str(encoder.folder),
        encoder_digest=encoder.digest,
        llm=str(llm.folder),
        llm_digest=llm.digest,
        backbone=identity_of(llm, "transformers", "any", "float32"),
        features=str(home.root / "features"),
        folder=str(scratch),
    )


def measure(job: TrainingJob, rank: int, processes: int) -> None:
    """Print for each way its samples and tokens a second, and what it takes of the bare way's time."""
    settings, config = job.settings, worker.adapter_config(job)
    examples, _ = worker._examples(job)
    features = worker._features(job, config, {e.clip_id for e in examples}, rank, processes)
    model, trainers = model_of(job).train(), {f"ZeRO {n}": trainer(job, n, features, rank) for n in range(4)}
    lengths = [example.ids.length(settings.queries) for example in examples]
    ids = [example.sample_id for example in examples]
    plan = plan_batches(ids, lengths, steps=settings.steps, batch=settings.batch, seed=settings.seed)
    took_s: dict[str, list[float]] = {way: [] for way in (BARE, *trainers)}
    for step, places in enumerate(plan):
        batch = [examples[i] for i in places]
        mine = parts_of(batch, rank=rank, processes=processes, at_once=0)[0]
        took_s[BARE].append(seconds_of(bare(model, mine, features)))
        for way, taker in trainers.items():
            took_s[way].append(seconds_of(partial(taker._step, step, batch)))
    if rank == 0:
        say(took_s, [sum(lengths[i] for i in places) for places in plan], settings.batch)


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long all processes took for it."""
    dist.barrier()
    started_s = time.perf_counter()
    work()
    dist.barrier()
    return time.perf_counter() - started_s


def say(took_s: Mapping[str, Sequence[float]], tokens: Sequence[int], batch: int) -> None:
    """Print the sums over the quicker half of the bare way's steps; the first step of all allocates and is left out."""
    kept = sorted(range(1, len(tokens)), key=lambda step: took_s[BARE][step])[: max(1, len(tokens) // 2)]
    least_s = sum(took_s[BARE][step] for step in kept)
    for way, all_s in took_s.items():
        seconds = sum(all_s[step] for step in kept)
        rates = f"{len(kept) * batch / seconds:.2f} samples/s, {sum(tokens[i] for i in kept) / seconds:.0f} tokens/s"
        print(f"{way}: {rates}, {seconds / least_s:.3f} of the bare way's time", flush=True)


def trainer(job: TrainingJob, stage: int, features: Features, rank: int) -> Trainer:
    """Return what trains under a ZeRO stage."""
    settings = job.settings.model_copy(update={"zero_stage": stage})
    engine = worker.engine_of(model_of(job), settings, best_device()[1])
    return Trainer(job.model_copy(update={"settings": settings}), engine, features, rank, settings.world)


def model_of(job: TrainingJob) -> AudioLanguageModel:
    """Return an untrained model with an LLM of its own, since ZeRO-3 takes it apart."""
    device, dtype = best_device()
    adapter = untrained_adapter(worker.adapter_config(job))
    return AudioLanguageModel(adapter, load_llm(Path(job.llm), dtype)).to(device=device, dtype=dtype)


def bare(model: AudioLanguageModel, batch: Sequence[Example], features: Features) -> Callable[[], None]:
    """Return the least that a step can be: tensors that are there, forward, backward."""
    device = best_device()[0]
    states, frames = (part.to(device) for part in padded([features.read(example.clip_id) for example in batch]))

    def take() -> None:
        model(states, frames, [example.ids for example in batch]).mean().backward()
        if device == "cuda":
            torch.cuda.synchronize()
        model.adapter.zero_grad()

    return take


if __name__ == "__main__":
    main()
