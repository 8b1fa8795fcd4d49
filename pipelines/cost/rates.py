"""Rate cards: what an hour of a device and a gigabyte cost, in which currency, and who says so."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.home import Home
from pipelines.cost.devices import Devices
from pipelines.sample_data import ROOT

SHIPPED = ROOT / "infra" / "cost" / "rate-card.yaml"
_CARD = "rate-card.yaml"

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
M = TypeVar("M", bound=BaseModel)


class RateCard(Record):
    """Prices, by the name of the device; a device without a price costs an unknown sum, not nothing."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    said_by: str = Field(min_length=1)
    said_on: dt.date
    device_hour: dict[str, Price]
    storage_gb_month: Price

    def money_for(self, devices: Devices | None, device_hours: float) -> float | None:
        """Return what device hours cost, or `None` where the card has no price for the device."""
        price = self.device_hour.get(devices.name) if devices else None
        return None if price is None else price * device_hours

    def __str__(self) -> str:
        return f"{self.said_by}, {self.said_on}"


def rate_card(file: Path | None, home: Home) -> RateCard:
    """Read a rate card: the file that is named, else the home's own, else the example of this repository.

    Raises:
        ConfigurationError: it cannot be read, or is no rate card.
    """
    own = home.root / _CARD
    return read_yaml(RateCard, file or (own if own.is_file() else SHIPPED), "rate card")


def read_yaml(model: type[M], file: Path, what: str) -> M:
    """Read a YAML file strictly.

    Raises:
        ConfigurationError: it cannot be read, or is not what it should be; names the first fault.
    """
    try:
        content: Any = yaml.safe_load(file.read_text("utf-8"))
        return model.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise ConfigurationError(f"{file}: not a {what}: {where}: {fault['msg']}, got {fault['input']!r}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{file}: not a {what}: {' '.join(str(error).split())[:200]}") from error
