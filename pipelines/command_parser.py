"""What all commands of `desta` have alike on the command line."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """The parser of a command; what it can be told may be found out late, when the command is the one that is meant."""

    _late: Callable[[], None] = staticmethod(lambda: None)

    def set_late(self, late: Callable[[], None]) -> None:
        """Let `late` add arguments when this command is parsed."""
        self._late = late

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as any parser does, with all arguments in place."""
        self._late()
        return super().parse_known_args(args, namespace)


def add(commands: Any, name: str, call: Command, text: str, *examples: str) -> Parser:
    """Add a command with its examples; `call` is what it does."""
    command: Parser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog="examples:\n" + "\n".join(f"  {example}" for example in examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(call=call)
    return command


def add_json(command: argparse.ArgumentParser) -> None:
    """Let a command print JSON."""
    command.add_argument("--json", action="store_true", help="print JSON for scripts")


def add_request(command: argparse.ArgumentParser) -> None:
    """Let a command say what a run is asked for: see `pipelines.request`."""
    command.add_argument("--profile", default="sample", metavar="NAME", help="smoke or sample (default)")
    command.add_argument(
        "--corpus", action="append", type=Path, metavar="DIR", help="a corpus of yours instead of the sample's"
    )
    command.add_argument(
        "--from-published", metavar="NAME[@REVISION]", help="start from a published dataset instead of corpora"
    )
    command.add_argument(
        "--use",
        metavar="USE",
        help="what the model is made for, research (default) or commercial; corpora that forbid it are refused",
    )
    command.add_argument("--encoder", metavar="REF", help="another audio encoder")
    command.add_argument("--llm", metavar="REF", help="another language model")
    command.add_argument(
        "--set", action="append", default=[], metavar="STAGE.PARAMETER=VALUE", help="change a setting of a stage"
    )
