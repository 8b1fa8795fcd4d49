"""The stage as a user starts it: from the command line, with real processes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.errors import ExitCode
from components.core.contracts.records import Clip, Sample
from components.core.digests import seed_of
from components.core.home import Home
from components.core.models.loading import load_llm
from components.core.models.lora import LoraConfig
from components.core.models.model_artifact import LORA_FILE, load_adapter, load_trained, parameters_of, read_config
from components.core.models.store import identity_of
from components.train_model.__main__ import main
from tests.builders import make_clip, make_generator, make_sample
from tests.components.train_model.making import World, write_accepted, write_artifact

STEPS = 4
SMALL = ["--steps", str(STEPS), "--batch", "2", "--queries", "2", "--qformer-layers", "1", "--warmup-steps", "1"]


def train(home: Home, inputs: Sequence[str], *extra: str) -> Path:
    output = home.root / "out"
    main([*inputs, "--model", str(output), *SMALL, *extra])
    return output


def refused(home: Home, inputs: Sequence[str], capfd: pytest.CaptureFixture[str], *extra: str) -> tuple[str, Any]:
    """Return the one line by which a training ended, and its exit code."""
    with pytest.raises(SystemExit) as ended:
        train(home, inputs, *extra)
    return capfd.readouterr().err.splitlines()[-1], ended.value.code


@pytest.fixture
def tiny_home(home: Home, world: World, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("DESTA_MODELS", str(world.store))
    return home


@pytest.fixture
def with_samples(world: World, tmp_path: Path) -> Any:
    """Make the inputs of the stage with other samples."""

    def changed(samples: Sequence[Sample], **facts: Any) -> list[str]:
        accepted = write_accepted(tmp_path / "other", samples, **facts)
        return [str(accepted.folder) if value == str(world.accepted) else value for value in world.inputs]

    return changed


def of_backbone(world: World, **changes: Any) -> Sample:
    return make_sample(generator=identity_of(world.llm, "vllm", "1", "float32"), **changes)


def test_a_training_leaves_a_model_that_loads_and_a_line_for_each_step(
    tiny_home: Home, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes, whatever launches the processes, and whether the encoder's features are kept or heard again."""
    made, second = train(tiny_home, world.inputs), Home(tmp_path / "second")
    monkeypatch.setenv("DESTA_HOME", str(second.root))
    again = train(second, world.inputs, "--launcher", "deepspeed", "--keep-features", "false")

    config = read_config(made)
    rows = [json.loads(line) for line in (made / "training.jsonl").read_text().splitlines()]
    assert load_adapter(made, config).config.queries == 2
    assert (config.encoder, config.steps) == (world.encoder.digest, STEPS)
    assert config.accepted == open_artifact(world.accepted).digest
    assert [row["step"] for row in rows] == list(range(STEPS))
    assert rows[-1]["validation_loss"] > 0
    assert all(row[name] > 0 for row in rows for name in ("gradient_norm", "tokens_per_s", "memory_mib", "samples"))
    assert (made / "loss.png").stat().st_size > 5000
    facts = open_artifact(made).manifest.facts
    assert (facts["exported_step"], facts["validation_loss"]) == (STEPS, rows[-1]["validation_loss"])
    assert f"validation loss {facts['validation_loss']:.4f}" in (made / "README.md").read_text()
    assert tiny_home.features.exists()
    assert not second.features.exists()
    for name in ("adapter.safetensors", "README.md"):
        assert (again / name).read_bytes() == (made / name).read_bytes()
    assert not (made / LORA_FILE).exists()
    assert "lora" not in json.loads((made / "config.json").read_text())


def test_a_lora_is_a_part_of_the_model(tiny_home: Home, world: World) -> None:
    made = train(tiny_home, world.inputs, "--lora-rank", "3", "--lora-alpha", "6")

    config = read_config(made)
    loaded = load_trained(made, config, load_llm(world.llm.folder))
    assert loaded.lora is not None
    form = LoraConfig(rank=3, alpha=6, dropout=0.1, init_seed=seed_of(42, "lora"))
    assert config.lora == loaded.lora.config == form
    assert all(weight.any() for weight in loaded.lora.parameters())
    assert parameters_of(made) == sum(weight.numel() for weight in loaded.trained_parameters())
    assert open_artifact(made, "model")  # the manifest knows all files
    assert "a LoRA was trained: low-rank updates" in (made / "README.md").read_text()


def test_samples_of_another_generator_end_the_stage_with_one_line(
    tiny_home: Home, with_samples: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    line, code = refused(tiny_home, with_samples([make_sample(generator=make_generator())]), capfd)
    assert line.startswith("error: sample ")
    assert "differs in weights aaaaaaaaaaaa" in line
    assert line.endswith("generate the samples with the backbone itself")
    assert code == 1


def test_samples_that_a_gate_of_the_validation_refused_are_not_trained_on(
    tiny_home: Home, world: World, with_samples: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    inputs = with_samples([of_backbone(world)], refusals=["acceptance 0.10, want at least 0.50"])
    line, code = refused(tiny_home, inputs, capfd)
    assert "validate_data did not let these samples through: acceptance 0.10, want at least 0.50" in line
    assert code == 1


@pytest.mark.parametrize(
    ("kind", "stage", "said"),
    [
        ("samples", "self_generate", "holds samples, want accepted"),
        ("accepted", "self_generate", "not by validate_data"),
    ],
)
def test_samples_that_nobody_validated_are_not_trained_on(
    tiny_home: Home, world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, stage: str, said: str
) -> None:
    raw = write_artifact(tmp_path / "raw", kind, [of_backbone(world)], Sample, stage=stage)
    inputs = [str(raw.folder) if value == str(world.accepted) else value for value in world.inputs]
    line, code = refused(tiny_home, inputs, capfd)
    assert said in line
    assert code == 1


def test_clips_that_forbid_what_the_model_is_made_for_end_the_training_before_it_begins(
    tiny_home: Home, world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clips = write_artifact(tmp_path / "clips", "clips", [make_clip(licence="CC-BY-NC-4.0")], Clip).folder
    inputs = [str(clips) if value == str(world.clips) else value for value in world.inputs]
    line, code = refused(tiny_home, inputs, capfd, "--use", "commercial")
    assert line.startswith("error: use commercial: 1 corpus forbids it: test: licence CC-BY-NC-4.0 forbids it")
    assert code == ExitCode.USAGE
