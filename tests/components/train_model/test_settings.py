import argparse
import json
from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.settings import add_flags, as_flags, checked, given
from components.train_model.nodes import TrainerNodes
from components.train_model.settings import TrainModelSettings


def settings(**given: object) -> TrainModelSettings:
    return checked("train_model", TrainModelSettings, given)


def test_a_preset_sets_what_is_not_said() -> None:
    upstream = settings(preset="upstream", queries=16)

    form = upstream.form
    assert (form["queries"], form["qformer_layers"], form["mask_frames"], form["normalise"]) == (16, 6, False, False)
    assert settings(preset="desta").deciding() == settings().deciding()


def test_a_preset_is_no_part_of_the_key_but_what_it_sets_is() -> None:
    spelled_out = settings(mask_frames=False, normalise=False, feature_scale=1.0)

    assert settings(preset="upstream").deciding() == spelled_out.deciding() != settings().deciding()


def test_a_preset_that_is_named_later_takes_the_place_of_what_was_said_before() -> None:
    small = settings(queries=16, qformer_layers=2, steps=7)
    named = {"preset": "upstream", "dropout": "0.2"}

    chosen = settings(**small.with_changes(named))

    assert chosen.deciding() == settings(preset="upstream", steps=7, dropout=0.2).deciding()
    assert settings(**small.with_changes({"steps": 8})).deciding() == small.model_copy(update={"steps": 8}).deciding()


def test_settings_that_were_written_out_are_read_back_as_they_are() -> None:
    chosen = settings(preset="upstream", normalise=True, feature_scale=2.0)

    assert settings(**chosen.model_dump(mode="json")) == chosen


def test_no_lora_is_trained_unless_one_is_asked_for() -> None:
    assert settings().lora_rank == 0
    assert settings(lora_rank=0, lora_alpha=16, lora_dropout=0.1) == settings()
    assert settings(lora_rank=4).deciding() != settings(lora_rank=4, lora_alpha=8).deciding() != settings().deciding()


@pytest.mark.parametrize(("text", "layers"), [("", None), ("3", (3,)), (" 7, 15,23 ,31", (7, 15, 23, 31))])
def test_layers_are_named_in_one_way(text: str, layers: tuple[int, ...] | None) -> None:
    assert settings(tapped_layers=text).layers == layers


@pytest.mark.parametrize("text", ["a", "3,1", "1,1", "-1", "1,,2", "1.5", "1;2"])
def test_what_is_no_list_of_layers_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^train_model\.tapped_layers: .*want layers in rising order"):
        settings(tapped_layers=text)


def test_a_preset_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^train_model\.preset: .*'desta' or 'upstream', got 'upstraem'"):
        settings(preset="upstraem")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"normalise": False, "feature_scale": 4.0},
            "feature_scale 4.0: features are not normalised, so it must be 1.0",
        ),
        ({"lora_alpha": 32.0}, "lora_alpha 32.0: there is no LoRA to have it; set lora_rank, such as 16, or leave it"),
        ({"lora_dropout": 0.0}, "lora_dropout 0.0: there is no LoRA to have it"),
        ({"lora_rank": -1}, "lora_rank: Input should be greater than or equal to 0, got -1"),
        ({"lora_rank": 4, "lora_alpha": 0}, "lora_alpha: Input should be greater than 0, got 0"),
        ({"batch": 9, "processes": 2}, "batch 9 must be a multiple of the processes, 2 over all nodes"),
        (
            {"batch": 8, "batch_tokens": 4000},
            "batch 8 and batch_tokens 4000: one of them cuts the steps, the other is 0",
        ),
        ({"batch": 0}, "batch 0 and batch_tokens 0: one of them cuts the steps"),
        ({"batch": 0, "batch_tokens": 200}, "batch_tokens 200 must hold a sample, window_tokens 300"),
        ({"micro_batch": 5, "processes": 2}, "micro_batch 5 is more than a process has in a step, 4"),
        ({"zero_stage": 0, "offload_optimizer": "cpu"}, "offload_optimizer cpu needs zero_stage 1, which is 0"),
        ({"offload_parameters": "cpu"}, "offload_parameters cpu needs zero_stage 3, which is 2"),
        ({"offload_optimizer": "nvme", "nvme_path": "/d"}, "offload_optimizer nvme needs zero_stage 3, which is 2"),
        ({"offload_optimizer": "nvme", "zero_stage": 3}, "nvme_path '': set it where something is offloaded to nvme"),
        (
            {"offload_optimizer": "cpu", "nvme_path": "/d"},
            "nvme_path '/d': set it where something is offloaded to nvme",
        ),
        ({"offload_optimizer": "disk"}, "offload_optimizer: Input should be 'none', 'cpu' or 'nvme'"),
        ({"rendezvous": "a:1"}, "rendezvous 'a:1': set it with several nodes"),
        ({"nodes": 2}, "rendezvous '': set it with several nodes"),
        (
            {"nodes": 2, "rendezvous": "a:1", "launcher": "deepspeed"},
            "launcher deepspeed starts processes on one machine",
        ),
        ({"launcher": "trainer"}, "launcher trainer makes pods for several nodes; one node trains in the stage's own"),
        ({"nodes": 2, "launcher": "trainer", "rendezvous": "a:1"}, "set it with several nodes that torchrun starts"),
        ({"nodes": 2, "rendezvous": "a:1", "trainer": {"restarts": 9}}, "trainer is for launcher trainer; with"),
        ({"nodes": 2, "launcher": "trainer", "trainer": {"restart": 1}}, "train_model.trainer.restart: no such"),
        ({"nodes": 2, "launcher": "trainer", "trainer": "{"}, "train_model.trainer: "),
        ({"exported": "best", "validation_samples": 0}, "exported best needs validation_samples"),
        ({"zero_stage": 4}, "zero_stage: Input should be less than or equal to 3"),
    ],
)
def test_settings_that_cannot_be_or_would_be_ignored_are_refused_with_one_line(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        checked("train_model", TrainModelSettings, given)
    assert said in str(refused.value)
    assert str(refused.value).startswith("train_model")
    assert "\n" not in str(refused.value)


def test_what_only_says_how_to_start_is_no_part_of_the_result() -> None:
    assert TrainModelSettings(launcher="deepspeed").deciding() == TrainModelSettings().deciding()
    on_nodes = TrainModelSettings(nodes=2, launcher="trainer", trainer=TrainerNodes(restarts=9))
    assert on_nodes.deciding() == TrainModelSettings(nodes=2, rendezvous="a:1").deciding()


def test_what_nodes_are_comes_through_kubeflow_and_a_command_line_as_it_was() -> None:
    nodes = TrainerNodes(resources={"cpu": "4", "nvidia.com/gpu": "2"}, tolerations=({"key": "a b"},), restarts=3)
    on_nodes = TrainModelSettings(nodes=2, launcher="trainer", trainer=nodes)
    as_kubeflow_carries = json.loads(json.dumps(on_nodes.model_dump(mode="json")), parse_int=float)
    flags = argparse.ArgumentParser()
    add_flags(flags, TrainModelSettings)
    args = flags.parse_args(as_flags(as_kubeflow_carries))
    assert checked("train_model", TrainModelSettings, given(args, TrainModelSettings)) == on_nodes
