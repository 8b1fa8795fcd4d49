from pathlib import Path

from components.train_model.launch import launch_command
from components.train_model.settings import TrainModelSettings

JOB = Path("job.json")


def test_one_machine_meets_its_processes_wherever_a_port_is_free() -> None:
    command = launch_command(TrainModelSettings(processes=2), JOB)

    assert {"--nnodes=1", "--nproc-per-node=2", "--rdzv-endpoint=127.0.0.1:0", "--max-restarts=0"} < set(command)
    assert command[-3:] == ["-m", "components.train_model.worker", "job.json"]


def test_several_machines_meet_where_the_setting_says_with_the_same_command() -> None:
    settings = TrainModelSettings(nodes=2, processes=4, rendezvous="first:29400")

    command = launch_command(settings, JOB)

    assert {"--nnodes=2", "--nproc-per-node=4", "--rdzv-endpoint=first:29400", "--rdzv-id=desta"} < set(command)
    assert command == launch_command(settings, JOB)


def test_deepspeeds_launcher_reads_no_list_of_hosts_and_leaves_the_arguments_alone() -> None:
    command = launch_command(TrainModelSettings(launcher="deepspeed", processes=2), JOB)

    assert {"deepspeed.launcher.runner", "--hostfile=none", "--num_gpus=2", "--no_local_rank"} < set(command)
    assert command[-3:] == ["--module", "components.train_model.worker", "job.json"]
