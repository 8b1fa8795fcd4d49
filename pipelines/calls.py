"""What each command of `desta` calls and prints. What is heavy is imported by the command that needs it."""

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from components.core.contracts.errors import ExitCode
from components.core.home import current_home


def run(args: argparse.Namespace) -> int:
    """Run the pipeline and print what came of it."""
    from pipelines.cost.budget import asked_budget
    from pipelines.cost.devices import these_devices
    from pipelines.request import runnable_profile
    from pipelines.run import run
    from pipelines.status import status_of
    from pipelines.summary import summary_of

    home = current_home()
    budget = asked_budget(args, these_devices, home)
    run_dir, ending = run(runnable_profile(args), home, budget)
    status = status_of(run_dir)
    _print(status.model_dump(mode="json") if args.json else summary_of(status, run_dir))
    if ending.error:
        print(f"error: {ending.error}", file=sys.stderr)
    return ending.exit_code


def plan(args: argparse.Namespace) -> int:
    """Print what a run would do."""
    from pipelines.plan import plan
    from pipelines.request import requested_profile
    from pipelines.schedule.calls import plan_run

    if args.schedule or args.folder:
        return plan_run(args)
    stages = plan(requested_profile(args), current_home())
    if args.json:
        _print({"stages": {name: stage.model_dump(mode="json") for name, stage in stages.items()}})
    else:
        _print("\n".join(f"{name:<17} {stage.action:<6} {'; '.join(stage.because)}" for name, stage in stages.items()))
    return ExitCode.DONE


def status(args: argparse.Namespace) -> int:
    """Print how a run stands."""
    from pipelines.status import run_dir_of, status_of
    from pipelines.summary import summary_of

    run_dir = run_dir_of(current_home(), args.run)
    status = status_of(run_dir)
    _print(status.model_dump(mode="json") if args.json else summary_of(status, run_dir))
    return ExitCode.DONE


def runs(args: argparse.Namespace) -> int:
    """Print all runs."""
    from components.core.runs import passing_over, run_dirs
    from pipelines.status import shorter, status_of
    from pipelines.summary import line_of

    runs = [shorter(status) for status in passing_over(run_dirs(current_home().runs), status_of)]
    _print([run.model_dump(mode="json") for run in runs] if args.json else "\n".join(map(line_of, runs)))
    return ExitCode.DONE


def openlineage(args: argparse.Namespace) -> int:
    """Print the events of a run, or send them."""
    from pipelines.openlineage.telling import tell_again
    from pipelines.status import run_dir_of

    _print(tell_again(run_dir_of(current_home(), args.run), args.to))
    return ExitCode.DONE


def doctor(args: argparse.Namespace) -> int:
    """Print what is right and wrong with this installation."""
    from pipelines.doctor import diagnose
    from pipelines.findings import exit_code, report

    findings = diagnose()
    _print(report(findings, as_json=args.json))
    return exit_code(findings)


def models(args: argparse.Namespace) -> int:
    """Print or fill the model store."""
    from pipelines.model_store import fetch, listing

    _print(fetch(args.reference, current_home()) if args.action == "fetch" else listing(current_home()))
    return ExitCode.DONE


def model(args: argparse.Namespace) -> int:
    """Describe a model."""
    from pipelines.model_sizes import describe_model

    form = {name: getattr(args, name) for name in ("preset", "queries", "qformer_layers", "tapped_layers")}
    chosen = {name: value for name, value in form.items() if value is not None}
    description = describe_model(args.encoder, args.llm, chosen, current_home())
    _print(description.model_dump(mode="json") if args.json else str(description))
    return ExitCode.DONE


def champion(args: argparse.Namespace) -> int:
    """Print who is champion."""
    from pipelines.champion import champion_of

    champion = champion_of(current_home())
    _print(champion.model_dump(mode="json") if args.json else str(champion))
    return ExitCode.DONE


def promote(args: argparse.Namespace) -> int:
    """Make a version the champion."""
    from pipelines.champion import promote

    _print(promote(args.version, args.reason, current_home()))
    return ExitCode.DONE


def rollback(args: argparse.Namespace) -> int:
    """Go back to the champion before."""
    from pipelines.champion import rollback

    _print(rollback(args.reason, current_home()))
    return ExitCode.DONE


def import_model(args: argparse.Namespace) -> int:
    """Bring in an adapter of upstream's."""
    from pipelines.model_exchange import import_model

    made = import_model(args.source, args.encoder, args.llm, args.to, current_home())
    _print(made.model_dump(mode="json") if args.json else str(made))
    return ExitCode.DONE


def export_model(args: argparse.Namespace) -> int:
    """Hand out a model as upstream reads it."""
    from pipelines.model_exchange import export_model

    names = {name: getattr(args, name) for name in ("encoder_id", "llm_id", "placeholder_token")}
    made = export_model(args.model, args.to, names, current_home())
    _print(made.model_dump(mode="json") if args.json else str(made))
    return ExitCode.DONE


def export(args: argparse.Namespace) -> int:
    """Export what a run accepted."""
    from pipelines.export.exporting import export

    exported = export(args.format, args.run, args.to, current_home(), args.notice)
    _print(exported.model_dump(mode="json") if args.json else str(exported))
    return ExitCode.DONE


def publish(args: argparse.Namespace) -> int:
    """Publish what a run accepted."""
    from pipelines.publish.publishing import Request, publish
    from pipelines.sample_data import ROOT

    request = Request(run_id=args.run, name=args.name, push=not args.no_push, dry_run=args.dry_run)
    publication = publish(request, current_home(), ROOT)
    _print(publication.model_dump(mode="json") if args.json else str(publication))
    return ExitCode.DONE


def study(args: argparse.Namespace) -> int:
    """Train and measure the conditions of a study."""
    from pipelines.study.conditions import ADAPTER_STUDY, overrides_of, read_study
    from pipelines.study.findings import RECORD, table
    from pipelines.study.study import conduct, material_of

    home = current_home()
    file = args.file or ADAPTER_STUDY
    folder = (args.to or home.root / "studies" / file.stem).absolute()
    study = read_study(file, overrides_of(args.set))
    findings, failures = conduct(study, material_of(home, args.run), folder)
    _print((folder / RECORD).read_text() if args.json else f"{table(findings, failures)}\nin {folder}")
    return ExitCode.FAILED if failures else ExitCode.DONE


def prompts(args: argparse.Namespace) -> int:
    """Check or expand prompt pools."""
    from pipelines.stage_command import run_stage_command

    return run_stage_command(f"self_generate.{args.action}_prompts", args.arguments)


def score(args: argparse.Namespace) -> int:
    """Score predictions of a benchmark."""
    from pipelines.stage_command import run_stage_command

    _bring_data(args.words)
    return run_stage_command("evaluate_model.score", args.words)


def evaluate(args: argparse.Namespace) -> int:
    """Let a model answer a benchmark."""
    from pipelines.stage_command import become_stage_command

    _bring_data(args.words)
    become_stage_command("evaluate_model.answer", args.words)


def _bring_data(words: Sequence[str]) -> None:
    """Bring the dataset that --data names from its hub: the stage's command has no network."""
    from components.core.corpora.official import bring_data

    following = (after for word, after in pairwise(words) if word == "--data")
    joined = (word.removeprefix("--data=") for word in words if word.startswith("--data="))
    for given in (*following, *joined):
        if "://" in given:
            bring_data(given, current_home())


def probe(args: argparse.Namespace) -> int:
    """Measure a language model as a backbone."""
    from pipelines.probe import probe

    options = [f"--{name}={value}" for name in ("items", "seed") if (value := getattr(args, name)) is not None]
    return probe(args.llm, args.run, [*options, *(["--json"] if args.json else [])], current_home())


def gc(args: argparse.Namespace) -> int:
    """Collect kept answers that nothing needs."""
    from pipelines.stage_command import run_stage_command

    flags = {"--dry-run": args.dry_run, "--json": args.json}
    return run_stage_command("self_generate.collect_generations", [flag for flag, on in flags.items() if on])


def features(args: argparse.Namespace) -> int:
    """Print what the encoder's features take, or remove those of clips."""
    from pipelines.features import erase, listing

    done = (erase if args.action == "erase" else listing)(args.clips, current_home())
    _print(done.model_dump(mode="json") if args.json else str(done))
    return ExitCode.DONE


def replay(args: argparse.Namespace) -> int:
    """Answer a part of a run again."""
    from pipelines.replay import replay

    options = [f"--{name}={value}" for name in ("fraction", "seed") if (value := getattr(args, name)) is not None]
    return replay(args.run, [*options, *(["--json"] if args.json else [])], current_home())


def ui(args: argparse.Namespace) -> int:
    """Open MLflow."""
    from pipelines.ui import open_ui

    open_ui(current_home(), args.port)
    return ExitCode.DONE


def chat(args: argparse.Namespace) -> int:
    """Talk to a trained model."""
    from pipelines.stage_command import become_stage_command

    become_stage_command("serve_model.chat", args.words)


def serve(args: argparse.Namespace) -> int:
    """Serve a trained model."""
    from pipelines.stage_command import become_stage_command

    become_stage_command("serve_model", args.words)


def _print(result: Any) -> None:
    print(result if isinstance(result, str) else json.dumps(result, indent=2, ensure_ascii=False))
