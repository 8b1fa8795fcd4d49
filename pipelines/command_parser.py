"""What all commands of `desta` have alike on the command line."""

import argparse
from collections.abc import Callable
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
