"""Which devices a run had: GPUs, or the cores of a machine without one, as the run itself wrote down."""

from pathlib import Path

from pydantic import Field, ValidationError

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Record
from components.core.runs import read_run
from pipelines.bundle.surroundings import ENVIRONMENT, Environment, environment

CORE = "cpu core"
"""What a machine without a GPU has several of."""


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


def devices_of(run_dir: Path) -> Devices | None:
    """Return what a run had, or `None` for one that did not write it down.

    On a cluster a run writes down what its first task had, which is not what its stages have.

    Raises:
        ContractError: what it wrote down is damaged.
    """
    file = run_dir / ENVIRONMENT
    if not file.is_file() or read_run(run_dir).cluster:
        return None
    try:
        return _devices(Environment.model_validate_json(file.read_bytes(), strict=False))
    except ValidationError as error:
        raise ContractError(f"{file}: damaged; restore it from the run's bundle, or remove it") from error


def these_devices() -> Devices:
    """Return what this machine has."""
    return _devices(environment())


def _devices(found: Environment) -> Devices:
    if found.gpus:
        return Devices(name=found.gpus[0].partition(",")[0].strip(), count=len(found.gpus))
    return Devices(name=CORE, count=found.cores, model=found.cpu)
