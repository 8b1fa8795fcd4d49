"""Commands about data: prompts, answers, and datasets that leave the workflow."""

import argparse
from pathlib import Path
from typing import Any

from pipelines import calls
from pipelines.command_parser import add, add_json


def add_data_commands(commands: Any) -> None:
    """Add them."""
    _add_prompts(commands)
    _add_gc(commands)
    _add_replay(commands)
    _add_export(commands)
    _add_publish(commands)


def _add_prompts(commands: Any) -> None:
    prompts = add(
        commands,
        "prompts",
        calls.prompts,
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


def _add_gc(commands: Any) -> None:
    gc = add(
        commands,
        "gc",
        calls.gc,
        "remove kept answers that no finished result holds and no unfinished work asked for",
        "desta gc --dry-run",
        "desta gc --json",
    )
    gc.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    add_json(gc)


def _add_replay(commands: Any) -> None:
    replay = add(
        commands,
        "replay",
        calls.replay,
        "answer a random part of a run again, and say how much is byte-identical and why the rest is not",
        "desta replay --fraction 0.1",
        "desta replay 20261122-184937-df17 --fraction 0.02 --seed 1 --json",
    )
    replay.add_argument("run", nargs="?", metavar="RUN", help="default: the newest run")
    replay.add_argument("--fraction", metavar="F", help="part of the answers, up to whole batches (default: 0.02)")
    replay.add_argument("--seed", metavar="N", help="seed of the choice of batches (default: 0)")
    add_json(replay)


def _add_export(commands: Any) -> None:
    export = add(
        commands,
        "export",
        calls.export,
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
    add_json(export)


def _add_publish(commands: Any) -> None:
    publish = add(
        commands,
        "publish",
        calls.publish,
        "put the accepted dataset of a run under data/ and version it with DVC",
        "desta publish --name spring",
        "desta publish 20261122-184937-df17 --name spring --dry-run",
    )
    publish.add_argument("run", nargs="?", metavar="RUN", help="default: the latest run that succeeded")
    publish.add_argument("--name", metavar="NAME", help="default: a name made of the content's digest")
    publish.add_argument("--no-push", action="store_true", help="version it here, and push nothing to DVC's remote")
    publish.add_argument("--dry-run", action="store_true", help="check everything, and write nothing")
    add_json(publish)
