"""What each `desta schedule` command calls and prints."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from components.core.contracts.errors import ConfigurationError, ExitCode
from components.core.home import current_home
from components.core.publishing import alone

_OF_RUNS = ("--profile", "--corpus", "--from-published", "--encoder", "--llm", "--set")


def list_(args: argparse.Namespace) -> int:
    """Print the schedules and their next moments."""
    from datetime import UTC, datetime

    from pipelines.schedule.listing import listing

    return _print_all(args, listing(args.folder, current_home(), datetime.now(UTC)), "no schedules")


def plan(args: argparse.Namespace) -> int:
    """Print how the cluster differs from the files."""
    from pipelines.schedule.reconcile import differences

    cluster = _recurring_runs(args)
    changes = differences(_wanted(args), cluster.found())
    _print_all(args, changes, "no schedules, here or there")
    differs = any(change.action != "keep" for change in changes)
    return ExitCode.FAILED if args.check and differs else ExitCode.DONE


def apply(args: argparse.Namespace) -> int:
    """Make the cluster equal to the files."""
    from pipelines.schedule.fires import folder_of
    from pipelines.schedule.reconcile import apply

    cluster = _recurring_runs(args)
    wanted = _wanted(args)
    with alone(folder_of(current_home()) / "apply.lock"):
        return _print_all(args, apply(wanted, cluster), "no schedules, here or there")


def run(args: argparse.Namespace) -> int:
    """Drive the schedules on this machine until told to end."""
    from pipelines.schedule.embedded import serve, until_told

    with until_told() as stop:
        serve(args.folder, current_home(), stop)
    return ExitCode.DONE


def run_now(args: argparse.Namespace) -> int:
    """Run what a schedule asks for, now."""
    from pipelines.schedule.embedded import until_told
    from pipelines.schedule.fires import By, Fires, Outcome
    from pipelines.schedule.firing import Firing
    from pipelines.schedule.schedules import schedule_named

    home, schedule = current_home(), schedule_named(args.name, args.folder)
    if schedule.cluster:
        raise ConfigurationError(
            f"schedule {schedule.name}: its runs are on {schedule.cluster}; `desta submit --cluster {schedule.cluster}`"
        )
    with until_told() as stop:
        firing = Firing(home=home, fires=Fires(home), stop=stop)
        end = firing.fire(schedule, By.HAND, firing.now_s())
    if args.json:
        _print({"schedule": schedule.name, "outcome": end.outcome, "run_id": end.run_id, "detail": end.detail})
    codes = {
        Outcome.SUCCEEDED: ExitCode.DONE,
        Outcome.REFUSED: ExitCode.REFUSED,
        Outcome.INTERRUPTED: ExitCode.INTERRUPTED,
    }
    return codes.get(end.outcome, ExitCode.FAILED)


def pause(args: argparse.Namespace) -> int:
    """Pause a schedule on this machine, or let it go on."""
    import time

    from pipelines.schedule.fires import Fires
    from pipelines.schedule.schedules import schedule_named

    schedule, pausing = schedule_named(args.name, args.folder), args.action == "pause"
    Fires(current_home()).pause(schedule.name, pausing, time.time())
    print(f"schedule {schedule.name} {'is paused' if pausing else 'goes on'} on this machine")
    return ExitCode.DONE


def history(args: argparse.Namespace) -> int:
    """Print what was started, and what became of it."""
    from pipelines.schedule.listing import history, line_of_fire

    fires = history(current_home(), args.name)
    if args.json:
        _print([fire.model_dump(mode="json") for fire in fires])
    else:
        print("\n".join(map(line_of_fire, fires)) or "nothing was started by a schedule yet")
    return ExitCode.DONE


def plan_run(args: argparse.Namespace) -> int:
    """Print what a run of a schedule would do, and whether it is due."""
    from pipelines.plan import plan
    from pipelines.schedule.due import judge
    from pipelines.schedule.schedules import FOLDER, check_revision, profile_of, schedule_named

    if not args.schedule:
        raise ConfigurationError("--folder: is for --schedule; leave it out, or name a schedule")
    if ignored := next((word for word in args.words if word.partition("=")[0] in _OF_RUNS), None):
        raise ConfigurationError(f"{ignored}: the file of --schedule says that; leave one of the two out")
    home, schedule = current_home(), schedule_named(args.schedule, args.folder or FOLDER)
    profile = profile_of(schedule)
    check_revision(schedule, profile, home)
    stages = plan(profile, home)
    verdict = judge(stages, profile.name, home)
    if args.json:
        planned = {name: stage.model_dump(mode="json") for name, stage in stages.items()}
        _print({"schedule": schedule.name, "stages": planned, **verdict.model_dump(mode="json")})
    else:
        lines = [f"{name:<17} {stage.action:<6} {'; '.join(stage.because)}" for name, stage in stages.items()]
        print("\n".join([*lines, f"{schedule.name}: {verdict}"]))
    return ExitCode.DONE


def _wanted(args: argparse.Namespace) -> Any:
    from pipelines.schedule.schedules import read_schedules
    from pipelines.schedule.wanted import wanted_of

    return wanted_of(read_schedules(args.folder), args.cluster_timezone, current_home())


def _recurring_runs(args: argparse.Namespace) -> Any:
    from pipelines.cluster.api import Api, host_of, token_of
    from pipelines.schedule.recurring_runs import RecurringRuns

    return RecurringRuns(Api(host_of(args.host), token_of(None, None)), args.experiment, args.namespace)


def _print_all(args: argparse.Namespace, records: Sequence[Any], nothing: str) -> int:
    if args.json:
        _print([record.model_dump(mode="json") for record in records])
    else:
        print("\n".join(map(str, records)) or nothing)
    return ExitCode.DONE


def _print(result: Any) -> None:
    print(json.dumps(result, indent=2, ensure_ascii=False))
