"""Remove kept answers that no finished result holds and no unfinished work asked for.

Damaged files and drafts that a kill left there go too. Every result that is there finds all its answers afterwards.
"""

import argparse
from collections.abc import Sequence

from components.core.command import command_parser, run_command
from components.core.home import current_home


def parser() -> argparse.ArgumentParser:
    """Return the command line of the collection."""
    codes = "exit codes: 0 done, 1 a result cannot be read (nothing was removed), 2 self_generate is at work"
    parser = command_parser("self_generate.collect_generations", __doc__ or "", codes)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Collect from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    from components.self_generate.unreachable import collect

    args = parser().parse_args(argv)
    collected = collect(current_home(), dry_run=args.dry_run)
    print(collected.model_dump_json(indent=2) if args.json else collected)


if __name__ == "__main__":
    main()
