"""What so many hours and samples would take, from measured or published rates; what nobody measured is not known."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.home import Home
from components.core.runs import read_run, run_dirs
from components.core.stages import STAGES
from components.evaluate_model.settings import EvaluateModelSettings
from pipelines.cluster.devices import computed_on
from pipelines.cluster.profile import cluster_at
from pipelines.cost.bill import money
from pipelines.cost.devices import CORE, Devices, hours_by_device, these_devices
from pipelines.cost.measured import (
    ONE_SIZE,
    UNITS,
    Measured,
    Rate,
    bytes_a_unit,
    measured_by,
    measured_in,
    models_of,
    rate_of,
)
from pipelines.cost.rates import RateCard, read_yaml
from pipelines.cost.usage import summed
from pipelines.status import run_dir_of

_PUBLISHED = Path(__file__).with_name("published.yaml")
_GB = 1e9


class Recipe(Record):
    """What the recipe's authors published of it that an estimate needs."""

    epochs: int = Field(gt=0)
    source: str = Field(min_length=1)


class PublishedRate(Record):
    """So many units in so many seconds on some devices, as a source says."""

    stage: Literal[
        "ingest_audio", "extract_metadata", "self_generate", "validate_data", "train_model", "evaluate_model"
    ]
    units: float = Field(gt=0)
    seconds: float = Field(gt=0)
    devices: Devices
    source: str = Field(min_length=1)

    def as_rate(self) -> Rate:
        """Return it as the rate of one run."""
        hours = self.seconds * self.devices.count / 3600 / self.units
        said = f"published: {self.source}; {self.devices}"
        return Rate(stage=self.stage, devices=self.devices, hours=hours, least=hours, greatest=hours, source=said)


class Published(Record):
    """What is published, each with its source."""

    recipe: Recipe
    rates: tuple[PublishedRate, ...] = Field(strict=False)


class Asked(Record):
    """How much, where, and on what each stage computes there; one that others compute for is not in `devices`."""

    hours: float = Field(gt=0, allow_inf_nan=False)
    samples: int = Field(gt=0)
    place: str
    devices: dict[str, Devices]


class StageEstimate(Record):
    """What a stage would take; `None` where that is not known, and `basis` says why, or from where it is."""

    stage: str
    devices: Devices | None
    units: float
    unit: str
    device_hours: float | None
    least_device_hours: float | None
    greatest_device_hours: float | None
    wall_hours: float | None
    money: float | None
    bytes_stored: float | None
    basis: str


class Estimate(Record):
    """What a run would take, stage by stage, and in all without the stages of which that is `not_known`.

    Hours of devices are summed by the devices' names: those of a core and of a GPU are not the same. The money is
    `None` where a device has no price, what is stored where a stage never ran.
    """

    asked: Asked
    card: RateCard
    models: tuple[str, ...]
    recipe: Recipe
    stages: tuple[StageEstimate, ...]
    not_known: tuple[str, ...]
    device_hours: dict[str, float]
    wall_hours: float | None
    money: float | None
    bytes_stored: float | None
    storage_a_month: float | None

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def estimate(asked: Asked, run_id: str | None, card: RateCard, home: Home) -> Estimate:
    """Estimate from the run that is named, else from all runs of a home with the newest run's models.

    Raises:
        ConfigurationError: there is no such run.
        ContractError: a record of the run that is named is damaged.
    """
    published = read_yaml(Published, _PUBLISHED, "list of what is published")
    models, found = _evidence(run_id, home)
    stages = tuple(_stage(stage.name, asked, found, published, card) for stage in STAGES)
    known = [stage for stage in stages if stage.device_hours is not None]
    kept = summed(stage.bytes_stored for stage in stages)
    return Estimate(
        asked=asked,
        card=card,
        models=models,
        recipe=published.recipe,
        stages=stages,
        not_known=tuple(stage.stage for stage in stages if stage.device_hours is None),
        device_hours=hours_by_device((stage.devices, stage.device_hours) for stage in stages),
        wall_hours=summed(stage.wall_hours for stage in known) if known else None,
        money=summed(stage.money for stage in known) if known else None,
        bytes_stored=kept,
        storage_a_month=None if kept is None else kept / _GB * card.storage_gb_month,
    )


def asked_of(hours: float, samples: int, cluster: str | None) -> Asked:
    """Return what is asked on the devices of a cluster, by its name or its file, on this machine's without one.

    Raises:
        ConfigurationError: an amount that cannot be, or there is no such cluster.
    """
    for name, value in (("hours", hours), ("samples", samples)):
        if not 0 < value < float("inf"):
            raise ConfigurationError(f"--{name} {value}: want more than 0")
    if cluster is None:
        here = these_devices()
        return Asked(hours=hours, samples=samples, place="this machine", devices={stage.name: here for stage in STAGES})
    profile = cluster_at(cluster)
    return Asked(hours=hours, samples=samples, place=f"cluster {profile.name}", devices=computed_on(profile))


def _evidence(run_id: str | None, home: Home) -> tuple[tuple[str, ...], list[Measured]]:
    if run_id is not None:
        run_dir = run_dir_of(home, run_id)
        return models_of(read_run(run_dir)), measured_by(run_dir)
    folders = run_dirs(home.runs)
    models = models_of(read_run(folders[0])) if folders else ()
    return models, [each for each in measured_in(home) if each.models == models]


def _stage(stage: str, asked: Asked, found: Sequence[Measured], published: Published, card: RateCard) -> StageEstimate:
    units, devices = _units(stage, asked, published.recipe), asked.devices.get(stage)
    rate = _rate(stage, devices, found, published) if devices else None
    fitting = rate if rate and devices and rate.devices.same_kind(devices) else None
    size = bytes_a_unit(stage, found)
    hours = fitting.hours * units if fitting else None
    return StageEstimate(
        stage=stage,
        devices=devices,
        units=units,
        unit=UNITS[stage],
        device_hours=hours,
        least_device_hours=fitting.least * units if fitting else None,
        greatest_device_hours=fitting.greatest * units if fitting else None,
        wall_hours=hours / devices.count if hours is not None and devices else None,
        money=None if hours is None else card.money_for(devices, hours),
        bytes_stored=None if size is None else size * (1 if stage in ONE_SIZE else units),
        basis=fitting.source if fitting else _why_not(devices, rate, units),
    )


def _units(stage: str, asked: Asked, recipe: Recipe) -> float:
    """Return how much a stage has to do; training sees every sample as often as the recipe says."""
    return {
        "audio hours": asked.hours,
        "answers": asked.samples,
        "samples": asked.samples,
        "samples trained on": asked.samples * recipe.epochs,
        "held-out samples": min(asked.samples, EvaluateModelSettings().max_samples),
    }[UNITS[stage]]


def _rate(stage: str, devices: Devices, found: Sequence[Measured], published: Published) -> Rate | None:
    """Return a rate of such devices, measured before published; without one, a rate of others, of a GPU for a GPU."""
    said = [rate.as_rate() for rate in published.rates if rate.stage == stage]
    of_such = (rate_of(stage, found, devices), *(rate for rate in said if rate.devices.same_kind(devices)))
    others = sorted(filter(None, (rate_of(stage, found, None), *said)), key=lambda rate: _unlike(rate, devices))
    return next((rate for rate in (*of_such, *others) if rate), None)


def _unlike(rate: Rate, devices: Devices) -> bool:
    return (rate.devices.name == CORE) != (devices.name == CORE)


def _why_not(devices: Devices | None, rate: Rate | None, units: float) -> str:
    if devices is None:
        return "not known: servers of the cluster answer, which are not on a run's account"
    if rate is None:
        return "not known: no run measured it, and nothing is published"
    there = f"{units * rate.hours:,.1f} device hours there, {rate.source}"
    return f"not known: not transferable from other devices; {there}"


def _lines(estimate: Estimate) -> Iterator[str]:
    asked, card = estimate.asked, estimate.card
    yield f"{asked.hours:,.10g} h of audio, {asked.samples:,} samples, on {asked.place}"
    yield f"{estimate.recipe.epochs} epochs ({estimate.recipe.source})"
    yield f"models: {', '.join(estimate.models) or 'those of no run yet'}; prices: {card}"
    yield _row("stage", "devices", ["device hours", "least to greatest", "wall hours", "money", "GB"])
    yield from map(_stage_row, estimate.stages)
    sums = [estimate.wall_hours, estimate.money, estimate.bytes_stored and estimate.bytes_stored / _GB]
    yield _row("in all", "", ["", "", *map(_number, sums)])
    if estimate.not_known:
        yield f"  in all, without {', '.join(estimate.not_known)}; storage is that of every stage"
    yield from (f"  device hours of {name}: {_number(hours)}" for name, hours in estimate.device_hours.items())
    if estimate.storage_a_month is not None:
        yield f"  storage: {money(estimate.storage_a_month, card)} a month; kept features of clips are not in it"
    yield from (f"  {stage.stage}: {stage.units:,.10g} {stage.unit}; {stage.basis}" for stage in estimate.stages)
    yield "starts of stages are in the rates: small runs say too much; more devices are taken to be as much faster"


def _stage_row(stage: StageEstimate) -> str:
    least, greatest = _number(stage.least_device_hours), _number(stage.greatest_device_hours)
    devices = f"{stage.devices.count} x {stage.devices.name}" if stage.devices else "servers of the cluster"
    size = stage.bytes_stored and stage.bytes_stored / _GB
    cells = [_number(stage.device_hours), "" if least == greatest else f"{least} to {greatest}"]
    return _row(stage.stage, devices, [*cells, *map(_number, (stage.wall_hours, stage.money, size))])


def _row(name: str, devices: str, cells: Sequence[str]) -> str:
    widths = (14, 22, 11, 14, 9)
    numbers = " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return f"  {name:<17} {devices:<26} {numbers}"


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.2f}"
