"""The `desta` command: parse, call, print. What is heavy is imported by the command that needs it."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from components.core.contracts.errors import DestaError, ExitCode
from components.core.home import current_home

Command = Callable[[argparse.Namespace], int]

_EXAMPLES = """examples:
  desta run --profile smoke
  desta plan --set train_model.steps=300
  desta status

exit codes: 0 done, 1 a stage failed, 2 usage or configuration, 3 a gate refused, 130 interrupted
state lives under .desta/ of the working directory, or where DESTA_HOME says"""


def parser() -> argparse.ArgumentParser:
    """Return the command line of `desta`."""
    top = argparse.ArgumentParser(
        prog="desta",
        description="Train a language model to hear: DeSTA2.5-Audio as a workflow.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_views(commands)
    _add_materials(commands)
    _add_export(commands)
    _add_publish(commands)
    _add_services(commands)
    return top


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command.

    Raises:
        SystemExit: always, with the code that `ExitCode` explains.
    """
    args = parser().parse_args(argv)
    try:
        code = args.call(args)
    except DestaError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    raise SystemExit(int(code))


def _add(commands: Any, name: str, call: Command, text: str, *examples: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog="examples:\n" + "\n".join(f"  {example}" for example in examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(call=call)
    return command


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON for scripts")


def _add_run(commands: Any) -> None:
    run = _add(
        commands,
        "run",
        _run,
        "run the pipeline; what did not change is reused",
        "desta run",
        "desta run --corpus ~/recordings --set train_model.steps=300",
        "desta run --profile smoke --json",
        "desta run --from-published spring --set train_model.steps=300",
    )
    plan = _add(
        commands,
        "plan",
        _plan,
        "say for each stage whether it would run or be reused, and why",
        "desta plan",
        "desta plan --profile smoke --set self_generate.max_tokens=48",
    )
    for command in (run, plan):
        command.add_argument("--profile", default="sample", metavar="NAME", help="smoke or sample (default)")
        command.add_argument(
            "--corpus", action="append", type=Path, metavar="DIR", help="a corpus of yours instead of the sample's"
        )
        command.add_argument(
            "--from-published", metavar="NAME[@REVISION]", help="start from a published dataset instead of corpora"
        )
        command.add_argument("--encoder", metavar="REF", help="another audio encoder")
        command.add_argument("--llm", metavar="REF", help="another language model")
        command.add_argument(
            "--set", action="append", default=[], metavar="STAGE.PARAMETER=VALUE", help="change a setting of a stage"
        )
        _add_json(command)


def _add_views(commands: Any) -> None:
    status = _add(
        commands, "status", _status, "show a run, the newest by default", "desta status", "desta status --json"
    )
    status.add_argument("run", nargs="?", metavar="RUN", help="the run's id, see `desta runs`")
    runs = _add(commands, "runs", _runs, "list all runs, the newest first", "desta runs", "desta runs --json")
    doctor = _add(commands, "doctor", _doctor, "check this installation", "desta doctor", "desta doctor --json")
    for command in (status, runs, doctor):
        _add_json(command)


def _add_materials(commands: Any) -> None:
    models = _add(
        commands,
        "models",
        _models,
        "list the verified model store, or bring models into it",
        "desta models list",
        "desta models fetch",
        "desta models fetch hf://org/name@revision",
    )
    models.add_argument("action", choices=("list", "fetch"))
    models.add_argument("reference", nargs="*", metavar="REF", help="default: the models of the profiles")
    prompts = _add(
        commands,
        "prompts",
        _prompts,
        "check prompt pools, or let the backbone write more prompts for one",
        "desta prompts check",
        "desta prompts check speech.yaml --json",
        "desta prompts expand --domain speech --to 4000 --out my-pools",
        "desta prompts expand --help",
    )
    prompts.add_argument("action", choices=("check", "expand"))
    prompts.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="...", help="those of the action, see its --help"
    )


def _add_export(commands: Any) -> None:
    export = _add(
        commands,
        "export",
        _export,
        "write the accepted dataset of a run as a folder for other tools",
        "desta export --format hf --to my-dataset",
        "desta export 20261122-184937-df17 --format upstream --to data-root",
    )
    export.add_argument("run", nargs="?", metavar="RUN", help="default: the latest run that succeeded")
    export.add_argument(
        "--format",
        required=True,
        metavar="FORMAT",
        help="upstream (JSONL and FLAC), hf (Parquet and card), or croissant (the same with croissant.json)",
    )
    export.add_argument("--to", required=True, type=Path, metavar="DIR", help="a folder that does not exist yet")
    export.add_argument(
        "--notice",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="a file or folder that your corpora's licences ask to go along (the sample's bring theirs)",
    )
    _add_json(export)


def _add_publish(commands: Any) -> None:
    publish = _add(
        commands,
        "publish",
        _publish,
        "put the accepted dataset of a run under data/ and version it with DVC",
        "desta publish --name spring",
        "desta publish 20261122-184937-df17 --name spring --dry-run",
    )
    publish.add_argument("run", nargs="?", metavar="RUN", help="default: the latest run that succeeded")
    publish.add_argument("--name", metavar="NAME", help="default: a name made of the content's digest")
    publish.add_argument("--no-push", action="store_true", help="version it here, and push nothing to DVC's remote")
    publish.add_argument("--dry-run", action="store_true", help="check everything, and write nothing")
    _add_json(publish)


def _add_services(commands: Any) -> None:
    ui = _add(commands, "ui", _ui, "open MLflow on this machine's runs", "desta ui", "desta ui --port 5001")
    ui.add_argument("--port", type=int, default=5000, metavar="N", help="default: 5000")
    compile_ = _add(commands, "compile", _compile, "write the pipeline as IR YAML", "desta compile alignment.yaml")
    compile_.add_argument("file", type=Path, metavar="FILE")


def _run(args: argparse.Namespace) -> int:
    from pipelines.request import runnable_profile
    from pipelines.run import run
    from pipelines.status import status_of
    from pipelines.summary import summary_of

    run_dir, ending = run(runnable_profile(args), current_home())
    status = status_of(run_dir)
    _print(status.model_dump(mode="json") if args.json else summary_of(status, run_dir))
    if ending.error:
        print(f"error: {ending.error}", file=sys.stderr)
    return ending.exit_code


def _plan(args: argparse.Namespace) -> int:
    from pipelines.plan import plan
    from pipelines.request import requested_profile

    stages = plan(requested_profile(args), current_home())
    if args.json:
        _print({"stages": {name: stage.model_dump(mode="json") for name, stage in stages.items()}})
    else:
        _print("\n".join(f"{name:<17} {stage.action:<6} {'; '.join(stage.because)}" for name, stage in stages.items()))
    return ExitCode.DONE


def _status(args: argparse.Namespace) -> int:
    from pipelines.status import run_dir_of, status_of
    from pipelines.summary import summary_of

    run_dir = run_dir_of(current_home(), args.run)
    status = status_of(run_dir)
    _print(status.model_dump(mode="json") if args.json else summary_of(status, run_dir))
    return ExitCode.DONE


def _runs(args: argparse.Namespace) -> int:
    from pipelines.status import run_dirs, shorter, status_of
    from pipelines.summary import line_of

    runs = [shorter(status_of(run_dir)) for run_dir in run_dirs(current_home())]
    _print([run.model_dump(mode="json") for run in runs] if args.json else "\n".join(map(line_of, runs)))
    return ExitCode.DONE


def _doctor(args: argparse.Namespace) -> int:
    from pipelines.doctor import State, diagnose, report

    findings = diagnose()
    _print(report(findings, as_json=args.json))
    return ExitCode.FAILED if any(finding.state is State.ERROR for finding in findings) else ExitCode.DONE


def _models(args: argparse.Namespace) -> int:
    from pipelines.model_store import fetch, listing

    _print(fetch(args.reference, current_home()) if args.action == "fetch" else listing(current_home()))
    return ExitCode.DONE


def _export(args: argparse.Namespace) -> int:
    from pipelines.export.exporting import export

    exported = export(args.format, args.run, args.to, current_home(), args.notice)
    _print(exported.model_dump(mode="json") if args.json else str(exported))
    return ExitCode.DONE


def _publish(args: argparse.Namespace) -> int:
    from pipelines.publish.publishing import Request, publish
    from pipelines.sample_data import ROOT

    request = Request(run_id=args.run, name=args.name, push=not args.no_push, dry_run=args.dry_run)
    publication = publish(request, current_home(), ROOT)
    _print(publication.model_dump(mode="json") if args.json else str(publication))
    return ExitCode.DONE


def _prompts(args: argparse.Namespace) -> int:
    from pipelines.stage_command import run_stage_command

    return run_stage_command(f"self_generate.{args.action}_prompts", args.arguments)


def _ui(args: argparse.Namespace) -> int:
    from pipelines.ui import open_ui

    open_ui(current_home(), args.port)
    return ExitCode.DONE


def _compile(args: argparse.Namespace) -> int:
    from pipelines.alignment import compile_alignment

    compile_alignment(args.file)
    return ExitCode.DONE


def _print(result: Any) -> None:
    print(result if isinstance(result, str) else json.dumps(result, indent=2, ensure_ascii=False))
