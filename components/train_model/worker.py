"""One training process: `torchrun -m components.train_model.worker JOB.json`."""

import os
import sys
from pathlib import Path
from typing import Any

import deepspeed
import torch
import torch.distributed as dist
from torch import nn
from transformers import PreTrainedModel
from transformers.integrations import HfDeepSpeedConfig

from components.core.contracts.artifacts import Artifact, read_manifest
from components.core.contracts.errors import DestaError, SourceError
from components.core.contracts.records import Sample, Split
from components.core.digests import seed_of
from components.core.lifeline import follow_driver
from components.core.models.adapter import AdapterConfig, fit_adapter, untrained_adapter
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.encoder import Encoder, encoder_config, encoder_for, hearing_for
from components.core.models.features import Features, KeptFeatures, LiveFeatures
from components.core.models.loading import best_device, load_llm, load_llm_config, load_tokenizer
from components.core.models.lora import Lora, LoraConfig, untrained_lora
from components.core.models.model_artifact import ModelConfig, save_model
from components.core.models.splice import Splicer
from components.core.models.store import portable_ref
from components.core.progress import progress_of
from components.core.publishing import explaining_no_room, published, write_file
from components.train_model.examples import Example, examples_of
from components.train_model.loop import Trainer
from components.train_model.settings import TrainModelSettings
from components.train_model.training_job import TrainingJob, code_of_training
from components.train_model.zero import zero_config


def main() -> None:
    """Train, or go on training; rank 0 writes the model. A failure that can be explained is written as one line."""
    job = TrainingJob.model_validate_json(Path(sys.argv[1]).read_bytes())
    follow_driver()
    try:
        check_code(job)
        with explaining_no_room("train_model", Path(job.folder)):
            train_together(job)
    except DestaError as error:
        if not job.error_file.exists():  # the first to fail says why; the others only miss it
            write_file(job.error_file, str(error))
        raise SystemExit(int(error.exit_code)) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def check_code(job: TrainingJob) -> None:
    """Make sure that another machine, or another image, trains with the code that the result will be known by.

    Raises:
        SourceError: it has other code.
    """
    if (here := code_of_training()) != job.code:
        raise SourceError(
            f"train_model: this node has the code {here[:12]} and the stage {job.code[:12]}; give both the same image"
        )


def train_together(job: TrainingJob) -> None:
    """Do the work of one of the processes that a launcher has started, and named in the environment.

    Raises:
        DestaError: whatever the work could explain.
    """
    rank, processes = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    device, dtype = best_device()
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    # Without this DeepSpeed compiles a collective of its own with the machine's C++ compiler; gloo serves.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(dist_backend="nccl" if device == "cuda" else "gloo", verbose=False)
    config = adapter_config(job)
    training, held_out = _examples(job)
    features = _features(job, config, {e.clip_id for e in (*training, *held_out)}, rank, processes)
    dist.barrier()
    llm = frozen_llm(job, dtype)
    model = AudioLanguageModel(untrained_adapter(config), llm, lora_beside(llm, job.settings))
    engine = engine_of(model, job.settings, dtype)
    steps = Trainer(job, engine, features, rank, processes).run(training, held_out)
    _export(job, model, config, rank, steps)


def frozen_llm(job: TrainingJob, dtype: torch.dtype) -> PreTrainedModel:
    """Load the LLM; under ZeRO-3 a process never holds more than its part of it and the layer that is being read."""
    config = zero_config(job.settings, bf16=dtype is torch.bfloat16)
    partitioned = HfDeepSpeedConfig(config) if job.settings.zero_stage == 3 else None
    llm = load_llm(Path(job.llm), dtype)
    del partitioned  # transformers looks at it for as long as it lives
    return llm


def engine_of(model: AudioLanguageModel, settings: TrainModelSettings, dtype: torch.dtype) -> Any:
    """Return DeepSpeed's engine over a model of which only what is trained is optimised."""
    model.register_state_dict_post_hook(_without_llm)  # type: ignore[no-untyped-call]  # torch says not what it takes
    engine, *_ = deepspeed.initialize(
        model=model,
        model_parameters=model.trained_parameters(),
        config=zero_config(settings, bf16=dtype is torch.bfloat16),
    )
    return engine


def _without_llm(_: nn.Module, state: dict[str, Any], prefix: str, __: object) -> None:
    """Take the LLM out of what a checkpoint holds; DeepSpeed overlooks weights that have a second name (tied ones)."""
    for name in [name for name in state if name.startswith(f"{prefix}llm.")]:
        del state[name]


def adapter_config(job: TrainingJob) -> AdapterConfig:
    """Fit the adapter to the two frozen models, from their configurations alone."""
    encoder, llm = encoder_config(Path(job.encoder)), load_llm_config(Path(job.llm))
    return fit_adapter(encoder, llm, job.settings.form, job.settings.layers)


def lora_beside(llm: PreTrainedModel, settings: TrainModelSettings) -> Lora | None:
    """Put an untrained LoRA beside the LLM, where one is trained.

    Raises:
        ConfigurationError: the LLM has no place for one.
    """
    if not settings.lora_rank:
        return None
    config = LoraConfig(
        rank=settings.lora_rank,
        alpha=settings.lora_alpha,
        dropout=settings.lora_dropout,
        init_seed=seed_of(settings.seed, "lora"),
    )
    return untrained_lora(llm, config)


def _examples(job: TrainingJob) -> tuple[list[Example], list[Example]]:
    """Read the training examples, and those of the validation split that training looks at."""
    settings = job.settings
    splicer = Splicer(load_tokenizer(Path(job.llm)), settings.max_transcript_tokens)
    accepted = Artifact(Path(job.accepted), read_manifest(Path(job.accepted)))

    def of(split: Split) -> list[Example]:
        samples = accepted.read(Sample)
        window = settings.window_tokens
        return list(examples_of(samples, split, job.backbone, splicer, queries=settings.queries, window=window))

    held_out = sorted(of(Split.VALIDATION), key=lambda example: example.sample_id)
    return of(Split.TRAIN), held_out[: settings.validation_samples]


def _features(job: TrainingJob, config: AdapterConfig, wanted: set[str], rank: int, processes: int) -> Features:
    """Return the features of the clips; those to keep that are missing are computed first, each process its share."""
    clips, device = Artifact(Path(job.clips), read_manifest(Path(job.clips))), best_device()[0]

    def open_encoder() -> Encoder:
        return encoder_for(config, Path(job.encoder), device)

    if not job.settings.keep_features:
        return LiveFeatures(clips, wanted, open_encoder())
    kept = KeptFeatures(Path(job.features), hearing_for(config, job.encoder_digest, device))
    if rank == 0:
        room = kept.room(clips, wanted, config.encoder_width)
        print(f"train_model: {room}", file=sys.stderr, flush=True)
    kept.complete(clips, sorted(wanted)[rank::processes], open_encoder, progress_of("train_model"))
    return kept


def _export(job: TrainingJob, model: AudioLanguageModel, config: AdapterConfig, rank: int, steps: int) -> None:
    # Under ZeRO-3 every process holds a part of what is trained; below it this gathers nothing.
    with deepspeed.zero.GatheredParameters(model.trained_parameters(), modifier_rank=0):
        if rank == 0:
            described = ModelConfig(
                adapter=config,
                max_transcript_tokens=job.settings.max_transcript_tokens,
                encoder=job.encoder_digest,
                llm=job.llm_digest,
                backbone=job.backbone,
                accepted=job.accepted_digest,
                steps=steps,
                encoder_ref=portable_ref(Path(job.encoder)),
                llm_ref=portable_ref(Path(job.llm)),
                lora=model.lora.config if model.lora is not None else None,
            )
            with published(job.model) as draft:
                save_model(draft, model.adapter, described, model.lora)
    dist.barrier()


if __name__ == "__main__":
    main()
