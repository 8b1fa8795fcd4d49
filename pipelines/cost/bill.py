"""What a run cost: what it used, at the prices of a rate card."""

import re
from collections.abc import Iterator
from pathlib import Path

from components.core.contracts.errors import DestaError
from components.core.contracts.records import Record
from components.core.home import Home
from components.core.runs import read_tracking
from pipelines.cost.rates import RateCard, rate_card
from pipelines.cost.usage import StageUsage, Usage, summed, usage_of
from pipelines.display import clock, say

_GB = 1e9
_NOT_IN_A_NAME = re.compile(r"[^\w.-]")
"""MLflow's names of figures have no parentheses, as the names of some devices do."""


class Bill(Record):
    """A run's usage and its price: `money` for devices, `storage_a_month` for what it added to the store.

    Hours of devices are summed by the devices' names; `None` where a stage did not write its own down.
    """

    usage: Usage
    card: RateCard
    device_hours: dict[str, float] | None
    money: float | None
    storage_a_month: float

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def bill_of(run_dir: Path, card: RateCard) -> Bill:
    """Return what a run cost.

    Raises:
        ContractError: a record of it is damaged.
    """
    usage = usage_of(run_dir)
    return Bill(
        usage=usage,
        card=card,
        device_hours=usage.device_hours,
        money=summed(_money(stage, card) for stage in usage.stages),
        storage_a_month=usage.bytes_stored / _GB * card.storage_gb_month,
    )


def cost_line(run_dir: Path, home: Home) -> str:
    """Write what a run cost in one line; where a record or the rate card is damaged, that it is."""
    try:
        return _short(bill_of(run_dir, rate_card(None, home)))
    except DestaError as error:
        return str(error)


def tell_cost(run_dir: Path, home: Home) -> None:
    """Put what a run cost among the figures of its own run in MLflow; where that cannot be, say so."""
    from mlflow.tracking import MlflowClient

    from components.core.registry import explaining

    if tracking := read_tracking(run_dir):
        try:
            bill = bill_of(run_dir, rate_card(None, home))
            with explaining(home, "`desta cost` computes it from the run's records"):
                client = MlflowClient(home.tracking_uri, home.tracking_uri)
                for name, value in figures_of(bill).items():
                    client.log_metric(tracking.mlflow_run_id, name, value)
        except DestaError as error:
            say(str(error))


def figures_of(bill: Bill) -> dict[str, float]:
    """Return the figures for MLflow, those that are known."""
    found = {
        **{
            f"cost.device_hours.{_NOT_IN_A_NAME.sub('_', name)}": hours
            for name, hours in (bill.device_hours or {}).items()
        },
        "cost.money": bill.money,
        "cost.audio_hours": bill.usage.audio_hours,
        "cost.tokens": float(bill.usage.tokens),
        "cost.bytes_stored": float(bill.usage.bytes_stored),
    }
    return {name: value for name, value in found.items() if value is not None}


def _short(bill: Bill) -> str:
    usage = bill.usage
    audio = "audio not known" if usage.audio_hours is None else f"{usage.audio_hours:.2f} h of audio"
    by = "" if bill.money is None else f" by {bill.card}"
    return f"{audio}, {usage.tokens:,} tokens, {_hours(bill.device_hours)}, {money(bill.money, bill.card)}{by}"


def _hours(by_device: dict[str, float] | None) -> str:
    if not by_device:
        return "device hours not known" if by_device is None else "no device hours"
    return ", ".join(f"{hours:.3f} hours of {name}" for name, hours in by_device.items())


def _money(stage: StageUsage, card: RateCard) -> float | None:
    return card.money_for(stage.devices, stage.device_hours) if stage.device_hours else stage.device_hours


def money(value: float | None, card: RateCard) -> str:
    """Write a sum of money."""
    return "money not known" if value is None else f"{value:,.4f} {card.currency}"


def _lines(bill: Bill) -> Iterator[str]:
    usage = bill.usage
    held = dict.fromkeys(str(stage.devices) for stage in usage.stages if stage.devices)
    yield f"run {usage.run_id} {usage.state} on {', '.join(held) or 'devices that it did not write down'}"
    yield _row("stage", "devices", "time", "device hours", "read", "written", "trained on", "MB kept")
    for stage in usage.stages:
        hours = "not known" if stage.device_hours is None else f"{stage.device_hours:.4f}"
        counts = [stage.prompt_tokens, stage.output_tokens, stage.trained_tokens]
        read, written, trained = ("" if count is None else f"{count:,}" for count in counts)
        kept = "" if stage.bytes_stored is None else f"{stage.bytes_stored / 1e6:.1f}"
        took = "reused" if stage.reused else clock(stage.seconds)
        devices = f"{stage.devices.count} x {stage.devices.name}" if stage.devices else "not known"
        yield _row(stage.stage, devices, took, hours, read, written, trained, kept)
    yield f"  in all            {_short(bill)}"
    yield f"  storage           {money(bill.storage_a_month, bill.card)} a month for {usage.bytes_stored / 1e6:.1f} MB"
    for name in bill.device_hours or {}:
        if name not in bill.card.device_hour:
            yield f"  no price          the rate card has none for {name}: add it under device_hour"


def _row(stage: str, devices: str, *cells: str) -> str:
    widths = (10, 13, 9, 9, 10, 9)
    numbers = " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return f"  {stage:<17} {devices:<26} {numbers}".rstrip()
