"""Budgets: what a run may spend, watched while it goes on, and before a stage by what earlier runs needed."""

import argparse
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from components.core.contracts.errors import ConfigurationError
from components.core.execution import lineage_of
from components.core.home import Home
from components.core.models.store import open_model
from components.core.runs import StageRecord, State
from components.core.stages import STAGES, Stage
from components.evaluate_model.settings import EvaluateModelSettings
from components.self_generate.settings import SelfGenerateSettings
from components.train_model.settings import TrainModelSettings
from pipelines.cost.bill import money
from pipelines.cost.devices import Devices
from pipelines.cost.measured import measured_in, rate_of
from pipelines.cost.rates import RateCard, rate_card
from pipelines.cost.usage import audio_hours_of, device_hours_of
from pipelines.profiles import Profile
from pipelines.progress import StageView

_MORE = "run again with more to go on from here"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a run may spend on the devices that it has: money, device hours, or both."""

    devices: Devices
    card: RateCard
    money: float = math.inf
    device_hours: float = math.inf

    @property
    def hours(self) -> float:
        """The device hours that are within it."""
        price = self._cost(1.0)
        return min(self.device_hours, self.money / price if price else math.inf)

    def left_by(self, hours: float) -> bool:
        """Tell whether so many device hours are within it."""
        return hours <= self.device_hours and (self._cost(hours) or 0.0) <= self.money

    def told(self, hours: float) -> str:
        """Write device hours as what the budget is written in."""
        return f"{hours:.4f} device hours" if self.money == math.inf else money(self._cost(hours), self.card)

    def __str__(self) -> str:
        limits = [f"{self.money:g} {self.card.currency}"] if self.money != math.inf else []
        return " and ".join(
            [*limits, *([f"{self.device_hours:g} device hours"] if self.device_hours != math.inf else [])]
        )

    def _cost(self, hours: float) -> float | None:
        return self.card.money_for(self.devices, hours)


def asked_budget(args: argparse.Namespace, devices_held: Callable[[], Devices], home: Home) -> Budget | None:
    """Return the budget that a command line names, if it does, on the devices that the run would hold.

    Raises:
        ConfigurationError: it is not more than 0, or the rate card has no price for the devices.
    """
    limits = {"--budget": args.budget, "--max-device-hours": args.max_device_hours}
    given = {name: value for name, value in limits.items() if value is not None}
    for name, value in given.items():
        if not 0 < value < math.inf:
            raise ConfigurationError(f"{name} {value}: want more than 0")
    if not given:
        return None
    devices, card = devices_held(), rate_card(None, home)
    if args.budget is not None and devices.name not in card.device_hour:
        raise ConfigurationError(
            f"--budget {args.budget}: the rate card ({card}) has no price for {devices.name}; add it under device_hour"
        )
    money, hours = limits.values()
    return Budget(
        devices=devices,
        card=card,
        money=math.inf if money is None else money,
        device_hours=math.inf if hours is None else hours,
    )


class Meter:
    """Says of a run that is under way whether it is over its budget, or would be with its next stage."""

    def __init__(self, budget: Budget, profile: Profile, home: Home) -> None:
        self._budget, self._profile, self._home = budget, profile, home
        references = {name: getattr(profile, name) for name in ("encoder", "llm")}
        self._models = {name: open_model(reference, home.models).digest for name, reference in references.items()}
        given = profile.parameters("")
        models = tuple(str(given[name]) for name in ("encoder", "llm"))
        self._measured = [each for each in measured_in(home) if each.models == models]

    def over(self, seen: Sequence[StageView]) -> str | None:
        """Return the line that ends the run, or `None` as long as it may go on."""
        records = {view.name: view.record for view in seen if view.record}
        spent = sum(self._hours(record) for record in records.values())
        if not self._budget.left_by(spent):
            stage = next(reversed(records))
            return f"{stage}: {self._budget.told(spent)} spent, budget {self._budget}; {_MORE}"
        coming = next((stage for stage in self._profile.stages if stage.name not in records), None)
        if coming is None or any(record.state is not State.SUCCEEDED for record in records.values()):
            return None
        wanted = self._wanted(coming, records)
        if wanted is None or self._budget.left_by(spent + wanted):
            return None
        return (
            f"{coming.name}: would take about {self._budget.told(wanted)} by earlier runs; "
            f"{self._budget.told(spent)} spent, budget {self._budget}; {_MORE}"
        )

    def _hours(self, record: StageRecord) -> float:
        if record.reused:
            return 0.0
        seconds = time.time() - record.started_s if record.state is State.RUNNING else record.seconds
        return device_hours_of(seconds, self._budget.devices) * self._nodes(record.stage)

    def _nodes(self, stage: str) -> int:
        return self._profile.train_model.nodes if stage == "train_model" else 1

    def _wanted(self, stage: Stage, records: Mapping[str, StageRecord]) -> float | None:
        """Return the device hours that a stage takes by what earlier runs measured; `None` where that is not known.

        What an earlier run left finished is reused, and of what it left unfinished nobody knows how much is left.
        """
        rate = rate_of(stage.name, self._measured, self._budget.devices)
        units = units_ahead(stage.name, self._profile, records)
        if rate is None or units is None or self._begun(stage, records):
            return None
        return rate.hours * units

    def _begun(self, stage: Stage, records: Mapping[str, StageRecord]) -> bool:
        makers = {word: next(s for s in STAGES if s.name == maker) for word, maker in stage.inputs.items()}
        inputs = {word: records[m.name].outputs[m.output].digest for word, m in makers.items() if m.name in records}
        if len(inputs) != len(makers):
            return True  # a part of it was published, and what that holds is not in this run's records
        models = {name: self._models[name] for name in stage.models}
        key = lineage_of(stage, self._profile.settings(stage.name), inputs, models, {}).key
        return (self._home.store / stage.name / key).is_dir() or any((self._home.work / stage.name / key).glob("*"))


def units_ahead(stage: str, profile: Profile, records: Mapping[str, StageRecord]) -> float | None:
    """Return how much a stage will have to do, in its unit, by what the stages before it made."""
    match stage:
        case "extract_metadata":
            return audio_hours_of(records["ingest_audio"].facts)
        case "self_generate":
            return _answers(profile.self_generate, records)
        case "validate_data":
            return records["self_generate"].rows_out
        case "train_model":
            return _trained(profile.train_model)
        case "evaluate_model":
            return _held_out(profile.evaluate_model, records)
        case _:
            return None  # how much audio there is, ingestion finds out


def _answers(settings: SelfGenerateSettings, records: Mapping[str, StageRecord]) -> int:
    return records["extract_metadata"].rows_out * settings.prompts_per_clip


def _trained(settings: TrainModelSettings) -> int | None:
    """Return the samples of all steps; a batch by tokens has none that are known before."""
    return None if settings.batch_tokens else settings.steps * settings.batch


def _held_out(settings: EvaluateModelSettings, records: Mapping[str, StageRecord]) -> int:
    accepted = records["validate_data"].facts["accepted"]
    held_out = sum(int(count) for place, count in accepted.items() if place.startswith("evaluation/"))
    return min(held_out, settings.max_samples)
