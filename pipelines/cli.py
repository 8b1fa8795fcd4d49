"""The `desta` command: what can be said on its line, and what is called then."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.core.exits import exit_code_of
from pipelines import calls
from pipelines.audit import calls as audit_calls
from pipelines.cluster import calls as cluster_calls
from pipelines.cluster_commands import add_cluster, add_cluster_commands
from pipelines.command_parser import Parser, add, add_json, add_request
from pipelines.cost_commands import add_budget, add_cost_commands
from pipelines.data_commands import add_data_commands
from pipelines.erasure_commands import add_erase
from pipelines.images_commands import add_images
from pipelines.integrity_commands import add_integrity_commands
from pipelines.lineage_commands import add_lineage_commands
from pipelines.model_commands import add_model_commands
from pipelines.schedule_commands import add_schedule_commands

_EXAMPLES = """examples:
  desta run --profile smoke
  desta plan --set train_model.steps=300
  desta status

exit codes: 0 done, 1 a stage failed, 2 usage or configuration, 3 a gate refused or the budget is spent, 130 interrupted
state lives under .desta/ of the working directory, or where DESTA_HOME says"""


def parser() -> argparse.ArgumentParser:
    """Return the command line of `desta`."""
    top = Parser(
        prog="desta",
        description="Train a language model to hear: DeSTA2.5-Audio as a workflow.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_views(commands)
    add_integrity_commands(commands)
    add_model_commands(commands)
    add_data_commands(commands)
    add_lineage_commands(commands)
    add_erase(commands)
    add_cost_commands(commands)
    add_schedule_commands(commands)
    add_cluster_commands(commands)
    _add_services(commands)
    add_images(commands)
    return top


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command.

    Raises:
        SystemExit: always, with the code that `ExitCode` explains.
    """
    raise SystemExit(exit_code_of(lambda: _command(argv)))


def _command(argv: Sequence[str] | None) -> int:
    args = parser().parse_args(argv)
    args.words = (sys.argv[1:] if argv is None else list(argv))[1:]
    return int(args.call(args))


def _add_run(commands: Any) -> None:
    run = add(
        commands,
        "run",
        calls.run,
        "run the pipeline; what did not change is reused",
        "desta run",
        "desta run --corpus ~/recordings --set train_model.steps=300",
        "desta run --profile smoke --json",
        "desta run --from-published spring --set train_model.steps=300",
    )
    plan = add(
        commands,
        "plan",
        calls.plan,
        "say for each stage whether it would run or be reused, and why",
        "desta plan",
        "desta plan --profile smoke --set self_generate.max_tokens=48",
        "desta plan --schedule weekly",
    )
    plan.add_argument("--schedule", metavar="NAME", help="what a schedule would run, and whether it is due")
    plan.add_argument("--folder", type=Path, metavar="DIR", help="of schedules (default: infra/schedules)")
    for command in (run, plan):
        add_request(command)
        add_json(command)
    add_budget(run, "end the run before it has spent more; a later run goes on from there")


def _add_views(commands: Any) -> None:
    status = add(
        commands,
        "status",
        cluster_calls.status,
        "show a run, the newest by default; with --cluster one that was submitted to a cluster",
        "desta status",
        "desta status --json",
        "desta status --cluster infra/clusters/laptop.yaml",
    )
    add_cluster(status, required=False)
    status.add_argument("run", nargs="?", metavar="RUN", help="the run's id, see `desta runs`")
    runs = add(commands, "runs", calls.runs, "list all runs, the newest first", "desta runs", "desta runs --json")
    doctor = add(
        commands,
        "doctor",
        cluster_calls.doctor,
        "check this installation; with --cluster what a cluster has before a run",
        "desta doctor",
        "desta doctor --json",
        "desta doctor --cluster infra/clusters/laptop.yaml --context kind-desta",
    )
    add_cluster(doctor, required=False)
    doctor.add_argument("--context", metavar="NAME", help="the context of the kubeconfig (default: its current one)")
    openlineage = add(
        commands,
        "openlineage",
        calls.openlineage,
        "print the OpenLineage events of a run, a line of JSON for each, or send them to a server",
        "desta openlineage",
        "desta openlineage 20261122-184937-df17 --to http://localhost:5000",
    )
    openlineage.add_argument("run", nargs="?", metavar="RUN", help="default: the newest run")
    openlineage.add_argument("--to", metavar="URL", help="a server of lineage; its key is in OPENLINEAGE_API_KEY")
    for command in (status, runs, doctor):
        add_json(command)


def _add_services(commands: Any) -> None:
    ui = add(commands, "ui", calls.ui, "open MLflow on this machine's runs", "desta ui", "desta ui --port 5001")
    ui.add_argument("--port", type=int, default=5000, metavar="N", help="default: 5000")
    audit = add(
        commands,
        "audit",
        audit_calls.audit,
        "serve pages on which auditors trace any answer, sample or model, hear clips and try out erasures",
        "desta audit",
        "desta audit --port 5101",
    )
    audit.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1, this machine alone")
    audit.add_argument("--port", type=int, default=5100, metavar="N", help="default: 5100; 0: any that is free")
