from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.settings import checked
from components.train_model.settings import TrainModelSettings


@pytest.mark.parametrize(
    ("given", "said"),
    [
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
