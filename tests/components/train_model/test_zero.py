"""ZeRO 0 to 3 in one process and in two: the same curve, whoever holds what."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from deepspeed.ops.op_builder import AsyncIOBuilder
from safetensors.torch import load_file

from components.core.contracts.errors import ConfigurationError
from components.train_model.settings import TrainModelSettings
from components.train_model.zero import check_offload, zero_config
from tests.components.train_model.making import World, attempted, file_of, losses

TOLERANCE = 1e-5
"""How far losses may differ from each other, relatively, after four steps: sums are made in another order."""

ONE_BY_ONE = {"micro_batch": 1}
BY_TOKENS = {"batch": 0, "batch_tokens": 350}
"""Five of the samples fill a step, and one is left for an epoch's last: the second process has none then."""
LORA = {"lora_rank": 2, "lora_dropout": 0.0}
OFFLOADED = {"offload_optimizer": "cpu", "offload_parameters": "cpu"}
KINDS: dict[str, dict[str, Any]] = {
    "stage 0": {"zero_stage": 0},
    "stage 1": {"zero_stage": 1},
    "stage 2": {"zero_stage": 2},
    "stage 3": {"zero_stage": 3},
    "stage 2, one by one, offloaded": {"zero_stage": 2, "offload_optimizer": "cpu", **ONE_BY_ONE},
    "stage 3, one by one, offloaded": {"zero_stage": 3, **OFFLOADED, **ONE_BY_ONE},
    "by tokens": {"zero_stage": 3, **BY_TOKENS},
    "LoRA, stage 0": {"zero_stage": 0, **LORA},
    "LoRA, stage 2": {"zero_stage": 2, **LORA},
    "LoRA, stage 3": {"zero_stage": 3, **LORA},
    "LoRA, stage 3, one by one, offloaded": {"zero_stage": 3, **OFFLOADED, **ONE_BY_ONE, **LORA},
}
ALONE = ("stage 0", "stage 1", "stage 2", "stage 3", "by tokens", "LoRA, stage 0", "LoRA, stage 3")
CURVES = [
    ("1", "stage 0", "stage 1"),
    ("1", "stage 0", "stage 2"),
    ("1", "stage 0", "stage 3"),
    *(("2", "stage 0", kind) for kind in KINDS if kind != "by tokens" and "LoRA" not in kind),
    ("2", "by tokens", "by tokens"),
    ("1", "LoRA, stage 0", "LoRA, stage 3"),
    *(("2", "LoRA, stage 0", kind) for kind in KINDS if "LoRA" in kind),
]
"""Processes and kind of a training, and before it the kind that one process learned as much with."""


@pytest.fixture(scope="module")
def trained(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `<processes>/<kind>` of each training; the batch of four is that of one process and of two."""
    folder = tmp_path_factory.mktemp("trained")
    jobs = [
        world.job(
            folder / str(processes) / kind,
            **{"batch": 4, "dropout": 0.0, "steps": 4, "processes": processes, **KINDS[kind]},
        )
        for processes, kinds in ((1, ALONE), (2, tuple(KINDS)))
        for kind in kinds
    ]
    ended = attempted(folder, [{"job": file_of(job)} for job in jobs])
    assert {one.code for one in ended} == {0}, ended[0].said[-3000:]
    return folder


@pytest.mark.parametrize(("processes", "like", "kind"), CURVES)
def test_every_stage_learns_the_same_in_one_process_and_in_two(
    trained: Path, processes: str, like: str, kind: str
) -> None:
    assert losses(trained / processes / kind) == pytest.approx(losses(trained / "1" / like), rel=TOLERANCE)


def test_the_curve_moves_so_much_that_agreeing_means_something(trained: Path) -> None:
    curve = losses(trained / "1" / "stage 0")
    assert max(curve) - min(curve) > 1000 * TOLERANCE * max(curve)


def test_a_lora_learns_from_the_first_step_on(trained: Path) -> None:
    with_lora, without = losses(trained / "1" / "LoRA, stage 0"), losses(trained / "1" / "stage 0")
    assert with_lora[0] == pytest.approx(without[0], rel=TOLERANCE)
    assert abs(with_lora[-1] - without[-1]) > 100 * TOLERANCE * without[-1]


@pytest.mark.parametrize(
    ("like", "kind", "part"),
    [
        ("stage 0", "stage 2", "adapter"),
        ("stage 0", "stage 3", "adapter"),
        ("LoRA, stage 0", "LoRA, stage 2", "lora"),
        ("LoRA, stage 0", "LoRA, stage 3", "lora"),
    ],
)
def test_the_model_that_is_exported_is_the_same(trained: Path, like: str, kind: str, part: str) -> None:
    mine = load_file(trained / "2" / kind / "model" / f"{part}.safetensors")
    theirs = load_file(trained / "1" / like / "model" / f"{part}.safetensors")
    assert mine.keys() == theirs.keys()
    for name, weights in mine.items():
        torch.testing.assert_close(weights, theirs[name], rtol=0.0, atol=1e-3, msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_no_checkpoint_holds_weights_of_the_frozen_llm(trained: Path, world: World, kind: str) -> None:
    for checkpoint in (trained / "2" / kind / "checkpoints").glob("step-*"):
        files = sorted(checkpoint.rglob("*.pt"))
        states = [torch.load(file, weights_only=False, map_location="cpu") for file in files if "model_s" in file.name]
        names = {name for state in states for name in state["module"]}
        assert {name.partition(".")[0] for name in names} == ({"adapter", "lora"} if "LoRA" in kind else {"adapter"})
        assert not any(state["frozen_param_fragments"] for state in states)
        assert sum(file.stat().st_size for file in files) < (world.llm.folder / "model.safetensors").stat().st_size


def test_stage_3_leaves_each_process_its_part_of_the_llm(trained: Path) -> None:
    for rank in (0, 1):
        held = json.loads((trained / "2" / "stage 3" / f"held-{rank}.json").read_text())
        assert len(held) > 10
        assert all(mine == -(-whole // 2) for whole, mine in held.values())


def test_below_stage_3_each_process_holds_the_whole_llm(trained: Path) -> None:
    held = json.loads((trained / "2" / "stage 2" / "held-1.json").read_text())
    assert all(mine == whole for whole, mine in held.values())


def test_the_sizes_that_deepspeed_is_told_fit_together() -> None:
    config = zero_config(TrainModelSettings(batch=24, processes=2, nodes=2, rendezvous="a:1", micro_batch=2), bf16=True)
    assert config["train_batch_size"] == 24
    assert config["train_micro_batch_size_per_gpu"] * config["gradient_accumulation_steps"] * 4 == 24
    assert config["bf16"] == {"enabled": True}


def test_what_is_not_offloaded_is_not_spoken_of() -> None:
    assert zero_config(TrainModelSettings(), bf16=False)["zero_optimization"] == {"stage": 2}


def test_offloading_to_a_disk_names_the_folder() -> None:
    settings = TrainModelSettings(zero_stage=3, offload_optimizer="nvme", offload_parameters="nvme", nvme_path="/fast")
    offloaded = zero_config(settings, bf16=True)["zero_optimization"]
    assert offloaded["offload_optimizer"] == {"device": "nvme", "pin_memory": True, "nvme_path": "/fast"}
    assert offloaded["offload_param"] == offloaded["offload_optimizer"]


@pytest.mark.skipif(AsyncIOBuilder().is_compatible(verbose=False), reason="this machine can offload to its disks")
def test_a_machine_without_asynchronous_disk_access_says_so_before_anything_starts() -> None:
    settings = TrainModelSettings(zero_stage=3, offload_optimizer="nvme", nvme_path="/fast")
    with pytest.raises(
        ConfigurationError, match="nvme_path: '/fast' cannot be used: DeepSpeed's async_io needs libaio"
    ):
        check_offload(settings)
