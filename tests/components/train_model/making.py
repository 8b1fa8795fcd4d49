"""A small world to train in: random models of real shapes with the real tokenizer, and a few tones to talk about."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, WhisperConfig, WhisperModel

from components.core.contracts.artifacts import Artifact, Draft, Lineage, Tally, open_artifact
from components.core.contracts.records import Clip, Domain, Record, Sample, Split
from components.core.models.loading import load_tokenizer
from components.core.models.store import StoredModel, identity_of, resolve_model
from components.train_model.launch import NOTHING_COMPILED
from components.train_model.settings import TrainModelSettings
from components.train_model.training_job import TrainingJob, code_of_training
from tests.builders import make_clip, make_sample, make_tone

ANSWERS = ("A low tone.", "A high tone that goes on and on.", "A quiet hum somewhere far away, and then nothing.")
SMALL = {"queries": 2, "qformer_layers": 1, "learning_rate": 3e-3, "warmup_steps": 1, "validate_every": 3, "batch": 3}


@dataclass(frozen=True)
class World:
    """Two models in a store of their own, and what the stage reads."""

    store: Path
    llm: StoredModel
    encoder: StoredModel
    clips: Path
    accepted: Path

    @property
    def inputs(self) -> list[str]:
        """The inputs as the command line wants them."""
        models = ["--encoder", self.encoder.ref, "--llm", self.llm.ref]
        return ["--clips", str(self.clips), "--accepted", str(self.accepted), *models]

    def job(self, folder: Path, **settings: Any) -> TrainingJob:
        """Write the job of a training in `folder`, of an accepted set of samples that is whole."""
        job = TrainingJob(
            code=code_of_training(),
            settings=TrainModelSettings(**{**SMALL, "steps": 8, "checkpoint_every": 3, **settings}),
            accepted=str(self.accepted),
            accepted_digest=open_artifact(self.accepted).digest,
            clips=str(self.clips),
            encoder=str(self.encoder.folder),
            encoder_digest=self.encoder.digest,
            llm=str(self.llm.folder),
            llm_digest=self.llm.digest,
            backbone=identity_of(self.llm, "transformers", "5", "float32"),
            features=str(folder.parent / "features"),
            folder=str(folder),
        )
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(job.model_dump_json())
        return job


def make_world(folder: Path, llm: StoredModel, encoder: StoredModel) -> World:
    """Make the models, eight clips and a question about each, written by the small LLM; two of them for validation."""
    store = folder / "models"
    tiny_llm = resolve_model(str(_tiny_llm(folder / "llm", llm.folder)), store)
    tiny_encoder = resolve_model(str(_tiny_encoder(folder / "encoder", encoder.folder)), store)
    generator = identity_of(tiny_llm, "vllm", "0.32.0", "float32")
    clips = [make_clip(pcm=make_tone(hertz=200.0 + 60 * n, duration_s=0.3 + n / 10)) for n in range(8)]
    samples = [
        make_sample(
            clip_id=clip.clip_id,
            domain=Domain.SOUND,
            split=Split.VALIDATION if n % 4 == 3 else Split.TRAIN,
            response=ANSWERS[n % 3],
            generator=generator,
        )
        for n, clip in enumerate(clips)
    ]
    return World(
        store=store,
        llm=tiny_llm,
        encoder=tiny_encoder,
        clips=write_artifact(folder / "clips", "clips", clips, Clip).folder,
        accepted=write_accepted(folder / "accepted", samples).folder,
    )


def _tiny_llm(folder: Path, like: Path) -> Path:
    """A random Llama of 64 dimensions that has the tokenizer and the chat template of a real one."""
    words = len(load_tokenizer(like))
    torch.manual_seed(0)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=words,
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=True,
            initializer_range=0.1,
        )
    ).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(like / name, folder / name)
    return folder


def _tiny_encoder(folder: Path, like: Path) -> Path:
    """A random Whisper of 32 dimensions that has the feature extractor of a real one."""
    torch.manual_seed(0)
    WhisperModel(
        WhisperConfig(
            d_model=32,
            encoder_layers=4,
            encoder_attention_heads=2,
            encoder_ffn_dim=64,
            decoder_layers=1,
            decoder_attention_heads=2,
            decoder_ffn_dim=64,
        )
    ).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "processor_config.json"):
        shutil.copyfile(like / name, folder / name)
    return folder


def write_artifact(
    folder: Path, kind: str, rows: Sequence[Record], record: type[Record], stage: str = "x", **facts: Any
) -> Artifact:
    """Write a whole artifact as a stage would."""
    folder.mkdir(parents=True)
    draft, tally = Draft(folder), Tally()
    tally.rows_in = tally.rows_out = len(rows)
    draft.write(rows, record)
    lineage = Lineage(stage=stage, key="1" * 64, code="2" * 64, settings={}, inputs={}, models={}, sources={})
    draft.close(kind=kind, counts=tally.counts(), facts=facts, lineage=lineage)
    return open_artifact(folder)


def write_accepted(folder: Path, samples: Sequence[Sample], **facts: Any) -> Artifact:
    """Write samples as the validator does."""
    return write_artifact(folder, "accepted", samples, Sample, stage="validate_data", **facts)


def losses(folder: Path) -> list[float]:
    """Return the losses of all steps of a training that wrote its lines into `folder`."""
    rows = [json.loads(line) for line in (folder / "training.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(len(rows)))
    return [row["loss"] for row in rows]


@dataclass(frozen=True)
class Ended:
    """How an attempt at a job ended: exit code (-9 when killed), checkpoints, the error's line, all that was said."""

    job: str
    code: int
    kept: list[str]
    error: str | None
    said: str


def file_of(job: TrainingJob) -> str:
    """Return where `World.job` wrote a job."""
    return str(Path(job.folder) / "job.json")


def attempted(folder: Path, attempts: Sequence[Mapping[str, Any]]) -> list[Ended]:
    """Make attempts as `tests.components.train_model.attempts` describes them, each in as many processes as its job."""
    (folder / "attempts.json").write_text(json.dumps(attempts))
    done = subprocess.run(
        [sys.executable, "-m", "tests.components.train_model.attempts", str(folder / "attempts.json")],
        env={**os.environ, **NOTHING_COMPILED, "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ended = json.loads(done.stdout.splitlines()[-1])
    return [Ended(job=a["job"], said=done.stderr, **e) for a, e in zip(attempts, ended, strict=True)]
