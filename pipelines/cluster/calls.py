"""What the commands about a cluster call and print."""

import argparse
import json
import sys
from typing import Any

from components.core.contracts.errors import ConfigurationError, ExitCode
from components.core.home import current_home


def compile_(args: argparse.Namespace) -> int:
    """Write the pipeline."""
    from pipelines.images.compiled import built_for_the_graph, pushed_for_a_cluster

    if args.cluster is None:
        from pipelines.alignment import compile_alignment

        if args.kubernetes_manifests:
            raise ConfigurationError("--kubernetes-manifests: they are of a namespace; name a profile with --cluster")
        if args.shards is not None:
            raise ConfigurationError("--shards: only a cluster has them; name a profile with --cluster")
        compile_alignment(args.file, images=built_for_the_graph(current_home()) if args.images else None)
        return ExitCode.DONE
    from pipelines.cluster.graph import compile_on
    from pipelines.cluster.profile import read_profile

    cluster = read_profile(args.cluster).with_shards(args.shards)
    images = pushed_for_a_cluster(current_home()) if args.images else None
    compile_on(cluster, args.file, images=images, manifests=args.kubernetes_manifests)
    return ExitCode.DONE


def submit(args: argparse.Namespace) -> int:
    """Start a run on a cluster, and with --wait end as it does."""
    from pipelines.cluster.budget import capped
    from pipelines.cluster.devices import counted
    from pipelines.cluster.profile import read_profile
    from pipelines.cluster.standing import wait_for
    from pipelines.cluster.submitting import submit
    from pipelines.cluster.word import heard
    from pipelines.cost.budget import asked_budget
    from pipelines.request import runnable_profile

    cluster, api, home = read_profile(args.cluster).with_shards(args.shards), _api(args), current_home()
    budget = asked_budget(args, lambda: counted(cluster), home)
    run_id = submit(runnable_profile(args), capped(cluster, budget) if budget else cluster, api, home)
    if not args.wait:
        print(json.dumps({"run_id": run_id}) if args.json else run_id)
        return ExitCode.DONE
    print(f"run {run_id}", file=sys.stderr, flush=True)
    run = heard(api, wait_for(api, run_id, lambda line: print(line, file=sys.stderr, flush=True)))
    _show(run, args)
    return int(run.exit_code or ExitCode.DONE)


def status(args: argparse.Namespace) -> int:
    """Print how a run stands, here or on a cluster."""
    if args.cluster is None:
        from pipelines import calls

        _refuse_without_cluster(args, "host", "token_env", "token_file")
        return calls.status(args)
    from pipelines.cluster.profile import read_profile
    from pipelines.cluster.standing import newest_run, run_on
    from pipelines.cluster.word import heard

    cluster, api = read_profile(args.cluster), _api(args)
    _show(heard(api, run_on(api, args.run) if args.run else newest_run(api, cluster)), args)
    return ExitCode.DONE


def doctor(args: argparse.Namespace) -> int:
    """Print what is right and wrong with this installation, or with a cluster."""
    if args.cluster is None:
        from pipelines import calls

        _refuse_without_cluster(args, "host", "token_env", "token_file", "context")
        return calls.doctor(args)
    from pipelines.cluster.profile import read_profile
    from pipelines.cluster_checks.asking import Kubernetes
    from pipelines.cluster_checks.diagnosis import diagnose
    from pipelines.findings import exit_code, report

    findings = diagnose(read_profile(args.cluster), lambda: _api(args), lambda: Kubernetes(args.context))
    print(report(findings, as_json=args.json))
    return exit_code(findings)


def logs(args: argparse.Namespace) -> int:
    """Print what tasks of a run on a cluster printed."""
    from pipelines.cluster.logs import NoLog, log_lines, tasks_named
    from pipelines.cluster.profile import read_profile
    from pipelines.cluster.standing import run_on

    if args.follow and not args.task:
        raise ConfigurationError("--follow: follows one task; name it with --task")
    read_profile(args.cluster)
    api = _api(args)
    run = run_on(api, args.run)
    for task in tasks_named(run, args.task):
        try:
            for line in log_lines(api, run, task, follow=args.follow):
                print(line if args.task else f"{task.name}: {line}", flush=args.follow)
        except NoLog as error:
            if args.task:
                raise
            print(error, file=sys.stderr)
    return ExitCode.DONE


def cancel(args: argparse.Namespace) -> int:
    """End a run on a cluster."""
    from pipelines.cluster.profile import read_profile
    from pipelines.cluster.standing import cancel

    read_profile(args.cluster)
    cancel(_api(args), args.run)
    print(
        f"run {args.run}: asked to end; what its stages finished stays in the home's store. Kubeflow skips its last "
        f"task too: where the home is, `desta close {args.run}` ends its record"
    )
    return ExitCode.DONE


def close(args: argparse.Namespace) -> int:
    """End the record of a run on a cluster."""
    from pipelines.cluster.recording import close

    ending = close(args.run, current_home())
    print(f"run {args.run}: {ending.state}{f': {ending.error}' if ending.error else ''}")
    return ExitCode.DONE


def _refuse_without_cluster(args: argparse.Namespace, *names: str) -> None:
    if ignored := next((name for name in names if getattr(args, name)), None):
        raise ConfigurationError(f"--{ignored.replace('_', '-')}: is for --cluster; name its profile, or leave it out")


def _api(args: argparse.Namespace) -> Any:
    from pipelines.cluster.api import Api, host_of, token_of

    return Api(host_of(args.host), token_of(args.token_env, args.token_file))


def _show(run: Any, args: argparse.Namespace) -> None:
    if args.json:
        print(run.model_dump_json(indent=2))
        return
    print(run)
    if failed := next((task for task in run.tasks if task.state == "FAILED"), None):
        hint = f"desta logs {run.run_id} --cluster {args.cluster} --task {failed.name}"
        print(f"see why: {hint}", file=sys.stderr)
