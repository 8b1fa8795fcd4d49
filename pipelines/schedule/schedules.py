"""Schedules as people write them: one YAML file each, read strictly."""

import argparse
import difflib
import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from zoneinfo import available_timezones

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.home import Home
from pipelines.cluster.profile import read_profile
from pipelines.profiles import Profile, profile_named, with_overrides
from pipelines.request import requested_profile
from pipelines.revision import data_revision
from pipelines.sample_data import ROOT
from pipelines.schedule.alerting import Alerts
from pipelines.schedule.cron import Cron, parse_cron

FOLDER = ROOT / "infra" / "schedules"
LATEST, _PUBLISHED = "latest", "published:"


class Missed(StrEnum):
    """What becomes of a run whose time passed while nobody could start it."""

    SKIP = "skip"
    RUN_ONCE = "run_once"


class Schedule(Record):
    """When the pipeline runs, on what, and who cares; the keys of a file are these fields.

    With a `cluster`, the file of its profile, the runs are that cluster's, and no scheduler of a machine starts any.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    owner: str = Field(min_length=1, max_length=100)
    cron: str
    timezone: str
    profile: str
    cluster: str | None = Field(None, min_length=1)
    data_revision: str = Field(
        LATEST, pattern=r"^(latest|published:\S+|dvc:\S+( corpora:[0-9a-f]{64})?|corpora:[0-9a-f]{64})$"
    )
    corpora: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    concurrency: int = Field(1, ge=1, le=10)
    budget: float | None = Field(None, gt=0, allow_inf_nan=False)
    max_device_hours: float | None = Field(None, gt=0, allow_inf_nan=False)
    only_if_due: bool = False
    on_missed: Missed = Missed.RUN_ONCE
    enabled: bool = True
    alerts: Alerts | None = None

    @field_validator("owner")
    @classmethod
    def _one_line(cls, owner: str) -> str:
        if not owner.isprintable():
            raise ValueError("want a line of text")
        return owner

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        if zone not in available_timezones():
            near = difflib.get_close_matches(zone, available_timezones(), n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise ValueError(f"no such time zone; {meant}want a name such as Europe/Paris or UTC")
        return zone

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        try:
            parse_cron(self.cron, self.timezone)
        except ValueError as error:
            raise ValueError(f"cron: {error}") from error
        if self.corpora and self.published:
            raise ValueError("corpora: a run from published data reads none; leave one of the two out")
        if self.cluster and self.published:
            raise ValueError("data_revision: pods do not see published datasets; name corpora, or leave cluster out")
        return self

    @property
    def rule(self) -> Cron:
        """When it fires."""
        return parse_cron(self.cron, self.timezone)

    @property
    def published(self) -> str | None:
        """The published dataset that its runs start from, if they do."""
        return self.data_revision.removeprefix(_PUBLISHED) if self.data_revision.startswith(_PUBLISHED) else None

    @property
    def cluster_file(self) -> Path | None:
        """The file of its cluster's profile; a relative one counts from the repository."""
        return ROOT / self.cluster if self.cluster else None

    @property
    def folders(self) -> list[Path]:
        """The folders of its corpora; relative ones count from the repository."""
        return [ROOT / corpus for corpus in self.corpora]

    def arguments(self) -> list[str]:
        """Return what `desta run` is told."""
        corpora = [part for folder in self.folders for part in ("--corpus", str(folder))]
        published = ["--from-published", self.published] if self.published else []
        limits = {"--budget": self.budget, "--max-device-hours": self.max_device_hours}
        budget = [f"{name}={value!r}" for name, value in limits.items() if value is not None]
        return ["--profile", self.profile, *corpora, *published, *budget, *(f"--set={line}" for line in self.set)]


def read_schedules(folder: Path) -> list[Schedule]:
    """Return the schedules of a folder by their names.

    Raises:
        ConfigurationError: there is no such folder, a file is no schedule, or two have one name.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: no such folder; --folder names the one with your schedules")
    found: dict[str, Path] = {}
    schedules = []
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        schedule = read_schedule(file)
        if first := found.get(schedule.name):
            raise ConfigurationError(f"{file}: name: {schedule.name} is that of {first.name} too; choose another")
        found[schedule.name] = file
        schedules.append(schedule)
    return sorted(schedules, key=lambda schedule: schedule.name)


def schedule_named(name: str, folder: Path) -> Schedule:
    """Return one schedule of a folder.

    Raises:
        ConfigurationError: it has none of that name, or see `read_schedules`.
    """
    schedules = {schedule.name: schedule for schedule in read_schedules(folder)}
    if name not in schedules:
        raise ConfigurationError(f"{folder}: no schedule {name!r}; there are: {', '.join(schedules) or 'none'}")
    return schedules[name]


def read_schedule(file: Path) -> Schedule:
    """Read one file; what it asks of the profile is checked too.

    Raises:
        ConfigurationError: an unknown or missing key, or a value that cannot be; names the file and the key.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 (a safe loader)
        schedule = Schedule.model_validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {_fault(error)}") from error
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {' '.join(str(error).split())}") from error
    for key, check in _checks(schedule):
        try:
            check()
        except ConfigurationError as error:
            raise ConfigurationError(f"{file}: {key}: {error}") from error
    return schedule


def profile_of(schedule: Schedule) -> Profile:
    """Return what a run of the schedule would be asked for.

    Raises:
        ConfigurationError: its published dataset is not there.
        ContractError: its published dataset is damaged.
    """
    asked = {"profile": schedule.profile, "set": list(schedule.set), "corpus": schedule.folders}
    return requested_profile(
        argparse.Namespace(**asked, from_published=schedule.published, encoder=None, llm=None, use=None)
    )


def check_revision(schedule: Schedule, profile: Profile, home: Home) -> None:
    """Make sure that the data are those that the schedule names.

    Raises:
        ConfigurationError: they are others.
    """
    if schedule.data_revision == LATEST or schedule.published:
        return
    here = data_revision(profile.corpora, home)
    if not set(schedule.data_revision.split()) <= set(here.split()):
        raise ConfigurationError(
            f"schedule {schedule.name}: data_revision: wants {schedule.data_revision}, here is {here}; bring those data"
            " (`git checkout`, `dvc pull`), or name these"
        )


def _checks(schedule: Schedule) -> Iterator[tuple[str, Any]]:
    yield "profile", lambda: profile_named(schedule.profile)
    yield "set", lambda: with_overrides(profile_named(schedule.profile), schedule.set)
    if file := schedule.cluster_file:
        yield "cluster", lambda: read_profile(file)


def _fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where, Schedule.model_fields, n=1)
        return f"{where}: no such key{f'; did you mean {near[0]}?' if near else ''}"
    if first["type"] == "missing":
        return f"{where}: is missing; write it"
    if first["type"] == "value_error":
        said = str(first["msg"]).removeprefix("Value error, ")
        return f"{where}: {said}" if first["loc"] else said
    return f"{where}: {first['msg']}, got {str(first['input'])[:60]!r}"


class _Loader(yaml.SafeLoader):
    """Reads YAML in which no key stands twice: the library would take the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; a yaml.YAMLError names a key that is there twice."""
        keys = [key.value for key, _ in node.value]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.YAMLError(f"key {twice!r} is there twice (line {node.start_mark.line + 1} and below)")
        return super().construct_mapping(node, deep)
