"""Real trainings of a few steps: each starts its own processes, which costs most of the time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.core.contracts.artifacts import Draft, Lineage, Tally
from components.core.contracts.records import Domain, Record, Split
from components.core.digests import digest_of_file
from components.core.home import Home
from components.core.models.model_artifact import ADAPTER_FILE, load_adapter, read_config
from components.core.models.store import ENCODER, LLM, StoredModel, identity_of
from tests.builders import make_clip, make_sample, make_tone

STEPS = 6
ANSWERS = ("A low tone.", "A high tone that goes on.", "A quiet hum somewhere far away.", "A whistle.")


def write_artifact(folder: Path, kind: str, rows: list[Record]) -> Path:
    folder.mkdir(parents=True)
    draft, tally = Draft(folder), Tally()
    tally.rows_in = tally.rows_out = len(rows)
    draft.write(rows, type(rows[0]))
    lineage = Lineage(stage="x", key="1" * 64, code="2" * 64, settings={}, inputs={}, models={}, sources={})
    draft.close(kind=kind, counts=tally.counts(), facts={}, lineage=lineage)
    return folder


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, llm: StoredModel) -> list[str]:
    """Four tones and a question about each, written by the backbone; one of them for validation."""
    folder = tmp_path_factory.mktemp("inputs")
    clips = [make_clip(pcm=make_tone(hertz=200.0 * (n + 1), duration_s=0.5 + n / 4)) for n in range(4)]
    generator = identity_of(llm, "vllm", "0.32.0", "float32")
    samples = [
        make_sample(
            clip_id=clip.clip_id,
            domain=Domain.SOUND,
            split=Split.VALIDATION if n == 3 else Split.TRAIN,
            response=ANSWERS[n],
            generator=generator,
        )
        for n, clip in enumerate(clips)
    ]
    return [
        *("--clips", str(write_artifact(folder / "clips", "clips", list(clips)))),
        *("--accepted", str(write_artifact(folder / "accepted", "accepted", list(samples)))),
    ]


def start(home: Home, inputs: list[str], *extra: str) -> subprocess.Popen[str]:
    """Start a training as a user would."""
    argv = [
        "--encoder",
        ENCODER,
        "--llm",
        LLM,
        "--model",
        str(home.root / "out"),
        "--steps",
        str(STEPS),
        "--batch",
        "2",
    ]
    small = ["--warmup-steps", "1", "--checkpoint-every", "2", "--queries", "4", *extra]
    command = [sys.executable, "-m", "components.train_model", *inputs, *argv, *small]
    return subprocess.Popen(command, text=True, stderr=subprocess.PIPE, env=dict(os.environ), start_new_session=True)


def finish(training: subprocess.Popen[str]) -> str:
    _, errors = training.communicate(timeout=500)
    assert training.returncode == 0, errors[-2000:]
    return errors


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "training.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(inputs: list[str], encoder: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One training from the first step to the last, by one process."""
    home = Home(tmp_path_factory.mktemp("undisturbed"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESTA_HOME", str(home.root))
        patch.setenv("DESTA_MODELS", str(encoder.folder.parent))
        finish(start(home, inputs))
    return home.root / "out"


def test_a_training_leaves_a_model_that_loads_and_a_line_for_each_step(undisturbed: Path, encoder: StoredModel) -> None:
    config = read_config(undisturbed)
    rows = [json.loads(line) for line in (undisturbed / "training.jsonl").read_text().splitlines()]

    assert sum(parameter.numel() for parameter in load_adapter(undisturbed, config).parameters()) > 5_000_000
    assert config.encoder == encoder.digest
    assert [row["step"] for row in rows] == list(range(STEPS))
    assert rows[-1]["validation_loss"] > 0
    assert (undisturbed / "loss.png").stat().st_size > 5000
    assert f"validation loss {rows[-1]['validation_loss']:.4f}" in (undisturbed / "README.md").read_text()


def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(
    undisturbed: Path, inputs: list[str], home: Home
) -> None:
    first = start(home, inputs)
    deadline = time.monotonic() + 300
    while not list(home.root.glob("work/train_model/*/checkpoints/step-0000002")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    time.sleep(2)  # the processes that it started notice within a second
    assert not list(home.root.glob("work/train_model/*/model"))
    assert not (home.root / "out").exists()

    finish(start(home, inputs))

    assert losses(home.root / "out") == losses(undisturbed)
    for name in ("adapter.safetensors", "README.md"):
        assert (home.root / "out" / name).read_bytes() == (undisturbed / name).read_bytes()


def test_features_heard_in_every_step_give_the_same_bytes(undisturbed: Path, inputs: list[str], home: Home) -> None:
    finish(start(home, inputs, "--keep-features", "false"))

    assert losses(home.root / "out") == losses(undisturbed)
    assert digest_of_file(home.root / "out" / ADAPTER_FILE) == digest_of_file(undisturbed / ADAPTER_FILE)
    assert not home.features.exists()


def test_two_processes_learn_what_one_learns(inputs: list[str], home: Home, tmp_path: Path) -> None:
    learned = {}
    for processes in ("1", "2"):
        finish(start(home, inputs, "--processes", processes, "--dropout", "0", "--model", str(tmp_path / processes)))
        learned[processes] = losses(tmp_path / processes)

    assert learned["2"] == pytest.approx(learned["1"], rel=1e-3)


def test_samples_of_another_generator_end_the_stage_with_one_line(
    inputs: list[str], home: Home, tmp_path: Path
) -> None:
    foreign = write_artifact(tmp_path / "foreign", "accepted", [make_sample()])

    training = start(home, [*inputs[:2], "--accepted", str(foreign)])
    _, errors = training.communicate(timeout=500)

    assert training.returncode == 1
    assert "generate the samples with the backbone itself" in errors.splitlines()[-1]
    assert errors.splitlines()[-1].startswith("error: sample ")
