"""Commands about a cluster: the pipeline that it runs, and runs of it."""

import argparse
from pathlib import Path
from typing import Any

from pipelines.cluster import calls
from pipelines.command_parser import add, add_json, add_request
from pipelines.cost_commands import add_budget

_LAPTOP = "--cluster infra/clusters/laptop.yaml"


def add_cluster_commands(commands: Any) -> None:
    """Add them."""
    _add_compile(commands)
    submit = add(
        commands,
        "submit",
        calls.submit,
        "run the pipeline on a cluster: upload it where it is not there yet, and start a run of it",
        f"desta submit {_LAPTOP} --profile smoke --wait",
        f"desta submit {_LAPTOP} --host http://localhost:8888 --set train_model.steps=300",
        "desta submit --cluster infra/clusters/cloud.yaml --shards 4",
    )
    _add_shards(submit)
    submit.add_argument("--wait", action="store_true", help="show the tasks until the run ends, and end as it did")
    add_budget(submit, "shorten the tasks' time-outs until all of them, with every retry, cannot spend more")
    add_request(submit)
    add_json(submit)
    logs = add(
        commands,
        "logs",
        calls.logs,
        "print what the tasks of a run on a cluster printed, as long as its pods or its archive of them are there",
        f"desta logs 0f1c52d6 {_LAPTOP}",
        f"desta logs 0f1c52d6 {_LAPTOP} --task train-model --follow",
    )
    logs.add_argument("--task", metavar="NAME", help="of one task; see `desta status --cluster`")
    logs.add_argument("--follow", action="store_true", help="go on until the task ends; wants --task")
    cancel = add(commands, "cancel", calls.cancel, "end a run on a cluster", f"desta cancel 0f1c52d6 {_LAPTOP}")
    close = add(
        commands,
        "close",
        calls.close,
        "end the record of a run that a cluster cancelled or lost; run it where the cluster's home is",
        "desta close 0f1c52d6",
    )
    close.add_argument("run", metavar="RUN", help="the run's id, after it was cancelled: what goes on is not stopped")
    for command in (logs, cancel):
        command.add_argument("run", metavar="RUN", help="the run's id on the cluster")
    for command in (submit, logs, cancel):
        add_cluster(command, required=True)


def add_cluster(command: argparse.ArgumentParser, *, required: bool) -> None:
    """Let a command name a cluster, and how it is reached."""
    command.add_argument(
        "--cluster", type=Path, required=required, metavar="FILE", help="the cluster's profile, as in infra/clusters"
    )
    command.add_argument("--host", metavar="URL", help="Kubeflow Pipelines' API (default: KFP_HOST)")
    command.add_argument(
        "--token-env", metavar="NAME", help="the environment variable with the token (default: KFP_TOKEN, if it is set)"
    )
    command.add_argument("--token-file", type=Path, metavar="FILE", help="the file with the token, instead")


def _add_compile(commands: Any) -> None:
    compile_ = add(
        commands,
        "compile",
        calls.compile_,
        "write the pipeline as IR YAML, for this machine or placed on a cluster",
        "desta compile alignment.yaml",
        f"desta compile alignment.yaml {_LAPTOP} --images --kubernetes-manifests",
    )
    compile_.add_argument("file", type=Path, metavar="FILE")
    compile_.add_argument("--cluster", type=Path, metavar="FILE", help="the cluster's profile, as in infra/clusters")
    _add_shards(compile_)
    compile_.add_argument(
        "--images",
        action="store_true",
        help="name the images that `desta images` built; with --cluster those that it pushed, by their digests",
    )
    compile_.add_argument(
        "--kubernetes-manifests",
        action="store_true",
        help="as manifests of a pipeline and its version; wants --cluster",
    )


def _add_shards(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--shards", type=int, metavar="N", help="tasks that self_generate is spread over (default: as the profile says)"
    )
