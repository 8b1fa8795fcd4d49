"""Commands about cost: what a run cost, what a larger one would, and what a run may spend."""

import argparse
from pathlib import Path
from typing import Any

from pipelines.command_parser import add, add_json
from pipelines.cost import calls


def add_cost_commands(commands: Any) -> None:
    """Add them."""
    cost = add(
        commands,
        "cost",
        calls.cost,
        "say what a run used and cost: audio, tokens, device hours, bytes, and money by a rate card",
        "desta cost",
        "desta cost 20261122-184937-df17 --rates our-prices.yaml --json",
    )
    cost.add_argument("run", nargs="?", metavar="RUN", help="default: the newest run")
    estimate = add(
        commands,
        "estimate",
        calls.estimate,
        "predict storage, device hours, time and money from rates that runs of this home measured, or published ones",
        "desta estimate --hours 7000 --samples 5000000 --cluster cloud",
        "desta estimate --hours 10 --samples 4000 --from 20261122-184937-df17",
    )
    estimate.add_argument("--hours", type=float, required=True, metavar="H", help="hours of audio")
    estimate.add_argument("--samples", type=int, required=True, metavar="N", help="questions with their answers")
    estimate.add_argument(
        "--cluster",
        metavar="NAME",
        help="a cluster by its name in infra/clusters or its profile's file; default: the devices of this machine",
    )
    estimate.add_argument("--from", dest="from_run", metavar="RUN", help="this run's rates alone; default: all runs'")
    for command in (cost, estimate):
        command.add_argument(
            "--rates",
            type=Path,
            metavar="FILE",
            help="a rate card; default: rate-card.yaml of the home, else an example",
        )
        add_json(command)


def add_budget(command: argparse.ArgumentParser, how: str) -> None:
    """Let a run be limited, and say how that is done."""
    command.add_argument("--budget", type=float, metavar="MONEY", help=f"{how}, by the home's rate card")
    command.add_argument("--max-device-hours", type=float, metavar="H", help="the same in hours of GPUs, or of cores")
