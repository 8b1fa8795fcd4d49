import os
import subprocess
from pathlib import Path

import pytest

from components.train_model import launch
from components.train_model.launch import join_command, launch_command
from components.train_model.settings import TrainModelSettings

JOB = Path("job.json")
_TELLER = """#!/bin/sh
echo $OMP_NUM_THREADS $TORCHDYNAMO_DISABLE ${DS_ACCELERATOR-unset}
for last; do :; done
echo "$last"
"""


def test_one_machine_meets_its_processes_wherever_a_port_is_free() -> None:
    command = launch_command(TrainModelSettings(processes=2), JOB)

    assert {
        "--nnodes=1",
        "--nproc-per-node=2",
        "--rdzv-endpoint=127.0.0.1:0",
        "--local-addr=127.0.0.1",
        "--max-restarts=0",
    } < set(command)
    assert command[-3:] == ["-m", "components.train_model.worker", "job.json"]


def test_several_machines_meet_where_the_setting_says_with_the_same_command() -> None:
    settings = TrainModelSettings(nodes=2, processes=4, rendezvous="first:29400")

    command = launch_command(settings, JOB)

    assert {"--nnodes=2", "--nproc-per-node=4", "--rdzv-endpoint=first:29400", "--rdzv-id=desta"} < set(command)
    assert command == launch_command(settings, JOB)


@pytest.mark.parametrize(("has_gpu", "accelerator"), [(True, "unset"), (False, "cpu")])
def test_the_other_machines_get_the_variables_of_the_first(
    has_gpu: bool, accelerator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell runs the line, with a `python` that says what it was given."""
    monkeypatch.setattr(launch, "has_nvidia_gpu", lambda: has_gpu)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    python = tmp_path / "python"
    python.write_text(_TELLER)
    python.chmod(0o755)
    settings = TrainModelSettings(nodes=2, processes=4, rendezvous="first:29400")

    said = subprocess.run(
        ["/bin/sh", "-c", join_command(settings, Path("a home/job.json"))],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert said == [f"2 1 {accelerator}", "a home/job.json"]


def test_deepspeeds_launcher_reads_no_list_of_hosts_and_leaves_the_arguments_alone() -> None:
    command = launch_command(TrainModelSettings(launcher="deepspeed", processes=2), JOB)

    assert {"deepspeed.launcher.runner", "--hostfile=none", "--num_gpus=2", "--no_local_rank"} < set(command)
    assert command[-3:] == ["--module", "components.train_model.worker", "job.json"]
