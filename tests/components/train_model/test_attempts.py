"""What ends a training, and what the next attempt makes of it: `kill -9` anywhere, a full disk, a torn checkpoint.

All attempts are made in one go, since what they share is slow to begin.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.records import Sample, Split
from components.core.models.model_artifact import LORA_FILE, read_config
from components.core.models.store import identity_of
from components.train_model.training_job import TrainingJob
from tests.builders import make_sample
from tests.components.train_model.making import Ended, World, attempted, file_of, losses, write_accepted

LOOP, CHECKPOINTS = "components.train_model.loop", "components.train_model.checkpoints"
DEATHS = {
    "in the first step": (LOOP, "Trainer._backward", 1, "before"),
    "in the middle of writing the first checkpoint": ("torch", "save", 1, "half"),
    "before the checkpoint says that it is whole": (CHECKPOINTS, "write_file", 1, "before"),
    "with a line in the log whose step is not in a checkpoint": (LOOP, "Trainer._log", 2, "after"),
    "in the middle of writing the optimiser's part": ("torch", "save", 2, "half"),
    "while older checkpoints are dropped": (CHECKPOINTS, "_drop_old", 1, "before"),
    "before the model is there": ("components.train_model.worker", "save_model", 1, "after"),
}
BY_TOKENS = {"batch": 0, "batch_tokens": 350, "micro_batch": 2}
LORA = {"lora_rank": 2, "lora_alpha": 8.0}


@pytest.fixture(scope="module")
def jobs(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainingJob]:
    folder = tmp_path_factory.mktemp("attempts")
    held_out = make_sample(
        clip_id=next(open_artifact(world.accepted).read(Sample)).clip_id,
        split=Split.VALIDATION,
        generator=identity_of(world.llm, "vllm", "1", "float32"),
    )
    nothing = write_accepted(folder / "nothing accepted", [held_out])
    kinds: dict[str, dict[str, Any]] = {
        "undisturbed": {},
        "killed": {},
        "full": {},
        "torn": {},
        "tokens": BY_TOKENS,
        "tokens killed": BY_TOKENS,
        "LoRA": LORA,
        "LoRA killed": LORA,
        # At this rate a step is a throw of dice, and the last one does not win.
        "best": {
            "learning_rate": 1000.0,
            "warmup_steps": 3,
            "steps": 4,
            "validate_every": 1,
            "exported": "best",
            "zero_stage": 3,
        },
        "exploding": {"learning_rate": 0.3, "max_loss": 10.5},
        "no number": {"learning_rate": 1e5, "max_loss": 1e30},
    }
    made = {kind: world.job(folder / kind, **settings) for kind, settings in kinds.items()}
    without = world.job(folder / "nothing").model_copy(update={"accepted": str(nothing.folder)})
    (folder / "nothing" / "job.json").write_text(without.model_dump_json())
    older = world.job(folder / "other code").model_copy(update={"code": "0" * 64})
    (folder / "other code" / "job.json").write_text(older.model_dump_json())
    return {**made, "nothing": without, "other code": older}


@pytest.fixture(scope="module")
def ended(jobs: dict[str, TrainingJob], tmp_path_factory: pytest.TempPathFactory) -> list[Ended]:
    def once(kind: str, **how: Any) -> dict[str, Any]:
        return {"job": file_of(jobs[kind]), **how}

    fifth = (LOOP, "Trainer._backward", 5, "before")
    attempts = [once("undisturbed"), *(once("killed", dies=death) for death in DEATHS.values()), once("killed")]
    attempts += [once("full", dies=fifth), once("full", room=100_000), once("full")]
    attempts += [once("tokens"), once("tokens killed", dies=fifth), once("tokens killed")]
    attempts += [once("LoRA"), once("LoRA killed", dies=fifth), once("LoRA killed")]
    seventh = (LOOP, "Trainer._backward", 7, "before")
    attempts += [once("torn", dies=seventh), once("torn", tears="*_optim_states.pt")]
    attempts += [once(kind) for kind in ("best", "exploding", "no number", "nothing", "other code")]
    return attempted(tmp_path_factory.mktemp("ended"), attempts)


def of(ended: list[Ended], jobs: dict[str, TrainingJob], kind: str) -> list[Ended]:
    return [one for one in ended if one.job == file_of(jobs[kind])]


def folder(jobs: dict[str, TrainingJob], kind: str) -> Path:
    return Path(jobs[kind].folder)


def test_a_training_killed_anywhere_goes_on_and_ends_with_the_same_bytes(
    ended: list[Ended], jobs: dict[str, TrainingJob]
) -> None:
    assert [one.code for one in of(ended, jobs, "killed")] == [*[-9] * len(DEATHS), 0]
    undisturbed, killed = folder(jobs, "undisturbed"), folder(jobs, "killed")
    assert losses(killed) == losses(undisturbed)
    assert len(losses(killed)) == 8
    name = "model/adapter.safetensors"
    assert (killed / name).read_bytes() == (undisturbed / name).read_bytes()


def test_a_full_disk_ends_the_training_with_one_line_and_loses_no_checkpoint(
    ended: list[Ended], jobs: dict[str, TrainingJob]
) -> None:
    killed, full, after = of(ended, jobs, "full")
    assert (killed.code, full.code, after.code) == (-9, 1, 0)
    assert full.error is not None
    assert full.error.startswith("train_model: the checkpoint after 6 steps: could not write to ")
    assert full.error.endswith("what was finished before is kept: make room and run again")
    assert "\n" not in full.error
    assert full.kept == ["step-0000003"]
    assert losses(folder(jobs, "full")) == losses(folder(jobs, "undisturbed"))


def test_steps_cut_by_tokens_go_on_in_the_middle_of_an_epoch(ended: list[Ended], jobs: dict[str, TrainingJob]) -> None:
    assert [one.code for one in of(ended, jobs, "tokens killed")] == [-9, 0]
    assert losses(folder(jobs, "tokens killed")) == losses(folder(jobs, "tokens"))


def test_a_lora_goes_on_where_it_was(ended: list[Ended], jobs: dict[str, TrainingJob]) -> None:
    assert [one.code for one in of(ended, jobs, "LoRA killed")] == [-9, 0]
    undisturbed, killed = jobs["LoRA"].model, jobs["LoRA killed"].model
    assert losses(killed.parent) == losses(undisturbed.parent) != losses(folder(jobs, "undisturbed"))
    for name in read_config(killed).weight_files:
        assert (killed / name).read_bytes() == (undisturbed / name).read_bytes()
    assert all(weights.any() for weights in load_file(killed / LORA_FILE).values())


def test_the_best_model_is_the_one_of_the_lowest_validation_loss(
    ended: list[Ended], jobs: dict[str, TrainingJob]
) -> None:
    assert [one.code for one in of(ended, jobs, "best")] == [0]
    rows = [json.loads(line) for line in jobs["best"].metrics_file.read_text().splitlines()]
    seen = [row["validation_loss"] for row in rows]
    best = read_config(jobs["best"].model).steps
    assert best == seen.index(min(seen)) + 1 < len(seen)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("exploding", "more than max_loss 10.5; lower learning_rate (0.3)"),
        ("no number", "is nan; lower learning_rate (100000.0)"),
        ("nothing", "no accepted sample in the train split; look into the quarantine of validate_data"),
        ("other code", "and the stage 000000000000; give both the same image"),
    ],
)
def test_what_cannot_go_on_ends_with_a_line_that_says_why(
    ended: list[Ended], jobs: dict[str, TrainingJob], kind: str, said: str
) -> None:
    (one,) = of(ended, jobs, kind)
    assert one.code == 1
    assert one.error is not None
    assert one.error.startswith("train_model: ")
    assert said in one.error


def test_a_torn_checkpoint_is_passed_over_and_the_one_before_it_used(
    ended: list[Ended], jobs: dict[str, TrainingJob]
) -> None:
    killed, after = of(ended, jobs, "torn")
    assert (killed.code, killed.kept, after.code) == (-9, ["step-0000003", "step-0000006"], 0)
    lines = [line for line in after.said.splitlines() if str(jobs["torn"].checkpoints) in line]
    assert len(lines) == 1
    assert "_optim_states.pt: content changed since it was written; passed over" in lines[0]
    assert losses(folder(jobs, "torn")) == losses(folder(jobs, "undisturbed"))
