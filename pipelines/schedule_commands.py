"""`desta schedule`: the files of `infra/schedules` on this machine and on a cluster."""

import argparse
from pathlib import Path
from typing import Any

from pipelines.command_parser import add, add_json
from pipelines.schedule import calls

_FOLDER = Path(__file__).resolve().parents[1] / "infra" / "schedules"


def add_schedule_commands(commands: Any) -> None:
    """Add them."""
    actions = commands.add_parser(
        "schedule", help="runs by the clock: plan, apply, list, run, run-now, pause, resume, history"
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_cluster(actions)
    _add_machine(actions)
    _add_one(actions)


def _add_cluster(actions: Any) -> None:
    plan = add(
        actions,
        "plan",
        calls.plan,
        "say how the recurring runs of a cluster differ from the files; nothing is changed",
        "desta schedule plan --host http://localhost:8888",
        "desta schedule plan --check --json",
    )
    plan.add_argument("--check", action="store_true", help="end with exit code 1 where something differs")
    apply = add(
        actions,
        "apply",
        calls.apply,
        "make the recurring runs of a cluster equal to the files; what is equal is not touched",
        "desta schedule apply --host http://localhost:8888",
        "desta schedule apply --namespace team --experiment retrain --cluster-timezone Europe/Paris",
    )
    for command in (plan, apply):
        command.add_argument("--host", metavar="URL", help="Kubeflow Pipelines' API (default: KFP_HOST)")
        command.add_argument(
            "--experiment", default="desta", metavar="NAME", help="whose recurring runs these are (default: desta)"
        )
        command.add_argument("--namespace", metavar="NAME", help="where the cluster has several users")
        command.add_argument(
            "--cluster-timezone", default="UTC", metavar="ZONE", help="in which the cluster counts (default: UTC)"
        )
        _add_folder(command)
        add_json(command)


def _add_machine(actions: Any) -> None:
    list_ = add(
        actions,
        "list",
        calls.list_,
        "list the schedules: when they fire next on this machine, and what became of the last time",
        "desta schedule list",
        "desta schedule list --json",
    )
    run = add(
        actions,
        "run",
        calls.run,
        "drive the schedules on this machine, one run at a time, until Ctrl-C or SIGTERM",
        "desta schedule run",
        "desta schedule run --folder my-schedules",
    )
    history = add(
        actions,
        "history",
        calls.history,
        "list what schedules started on this machine, the newest first: why, which run, and what became of it",
        "desta schedule history",
        "desta schedule history weekly --json",
    )
    history.add_argument("name", nargs="?", metavar="NAME", help="default: all")
    for command in (list_, run):
        _add_folder(command)
    for command in (list_, history):
        add_json(command)


def _add_one(actions: Any) -> None:
    run_now = add(
        actions,
        "run-now",
        calls.run_now,
        "run what a schedule asks for now, due or not, and wait for it",
        "desta schedule run-now weekly",
    )
    add_json(run_now)
    pause = add(
        actions,
        "pause",
        calls.pause,
        "let a schedule start nothing on this machine; on a cluster: `enabled: false` in its file",
        "desta schedule pause weekly",
    )
    resume = add(
        actions,
        "resume",
        calls.pause,
        "let a paused schedule go on; what it would have started meanwhile is not made up for",
        "desta schedule resume weekly",
    )
    for command in (run_now, pause, resume):
        command.add_argument("name", metavar="NAME", help="see `desta schedule list`")
        _add_folder(command)


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--folder", type=Path, default=_FOLDER, metavar="DIR", help="the files (default: infra/schedules)"
    )
