"""Put the shards of one run together: the samples as the stage writes them without shards, byte for byte.

Every shard is needed, once; they may be named in any order. The result is found again under the same key.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from components.core.command import command_parser, run_command
from components.core.contracts.artifacts import open_artifact
from components.core.execution import execute
from components.core.home import current_home
from components.self_generate.shards import job_of, merge, open_shards

_EXAMPLE = """example:
  python -m components.self_generate.merge_shards --descriptions out/descriptions \\
      --shard out/shard-0 --shard out/shard-1 --samples out/samples"""


def parser() -> argparse.ArgumentParser:
    """Return the command line of the merge."""
    parser = command_parser("self_generate.merge_shards", __doc__ or "", _EXAMPLE)
    parser.add_argument(
        "--descriptions", required=True, type=Path, metavar="DIR", help="what all shards were asked about"
    )
    parser.add_argument(
        "--shard", required=True, action="append", type=Path, metavar="DIR", help="one of the shards; name them all"
    )
    parser.add_argument("--samples", required=True, type=Path, metavar="DIR", help="where the result is placed")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Merge from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args = parser().parse_args(argv)
    descriptions, shards = open_artifact(args.descriptions, "descriptions"), open_shards(args.shard)
    job = job_of(shards, descriptions)
    execute(job, args.samples, current_home(), lambda place: merge(shards, descriptions, place))


if __name__ == "__main__":
    main()
