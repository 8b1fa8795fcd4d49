"""Which devices the stages of a run held: GPUs, or the cores of what has none, as the run itself wrote down."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import Field, ValidationError

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Record
from components.core.runs import read_run
from components.core.stages import STAGES
from pipelines.bundle.surroundings import ENVIRONMENT, HELD, Environment, environment

CORE = "cpu core"
"""What a machine without a GPU has several of."""

R = TypeVar("R", bound=Record)


class Devices(Record):
    """Devices of one kind: the name that a rate card prices, and what they are where the name does not say it."""

    name: str = Field(min_length=1)
    count: int = Field(ge=1)
    model: str = ""

    def same_kind(self, other: "Devices") -> bool:
        """Tell whether a rate that was measured on one holds for the other."""
        return self.name == other.name and (self.model == other.model or not (self.model and other.model))

    def __str__(self) -> str:
        return f"{self.count} x {self.name}" + (f" ({self.model})" if self.model else "")


class Held(Record):
    """What all pods of a stage hold at once, by the stages of a run on a cluster, as the cluster's file places them."""

    stages: dict[str, Devices]


def devices_held(run_dir: Path) -> dict[str, Devices]:
    """Return what each stage of a run held at once on all its machines; nothing of a run that did not write it down.

    Raises:
        ContractError: what it wrote down is damaged.
    """
    run = read_run(run_dir)
    if run.cluster:
        held = _read(Held, run_dir / HELD)
        return held.stages if held else {}
    machine = _read(Environment, run_dir / ENVIRONMENT)
    if machine is None:
        return {}
    nodes = {"train_model": int(run.parameters.get("train_model_settings", {}).get("nodes", 1))}
    return {stage.name: _devices(machine, nodes.get(stage.name, 1)) for stage in STAGES}


def hours_by_device(hours: Iterable[tuple[Devices | None, float | None]]) -> dict[str, float]:
    """Return the hours that are known by the names of the devices: those of a core and of a GPU are not the same."""
    summed: dict[str, float] = {}
    for devices, each in hours:
        if devices and each is not None:
            summed[devices.name] = summed.get(devices.name, 0.0) + each
    return summed


def these_devices() -> Devices:
    """Return what this machine has."""
    return _devices(environment())


def _read(model: type[R], file: Path) -> R | None:
    try:
        return model.model_validate_json(file.read_bytes(), strict=False) if file.is_file() else None
    except ValidationError as error:
        raise ContractError(f"{file}: damaged; restore it from the run's bundle, or remove it") from error


def _devices(found: Environment, machines: int = 1) -> Devices:
    if found.gpus:
        return Devices(name=found.gpus[0].partition(",")[0].strip(), count=len(found.gpus) * machines)
    return Devices(name=CORE, count=found.cores * machines, model=found.cpu)
