"""What the sample corpora are made of: `corpora.yaml` and one table of clips for each corpus."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Domain, Record

CLIP_COLUMNS = ("domain", "transcript", "language", "speaker_id", "source_id", "split", "licence")
"""The columns of `metadata.csv`, after `path`, that mean the same in every corpus; the others are attributes."""

PLACE_COLUMNS = ("source", "start_s", "duration_s")
"""The columns of a selection table that say where a clip comes from."""


def _none_if_blank(value: object) -> object:
    return None if value == "" else value


Seconds = Annotated[float | None, BeforeValidator(_none_if_blank)]


class Texts(Record):
    """Where the packages keep the words of a column, so that nobody has to type them again.

    `asterisk`: lines `key: words` in the gzipped `file`. `sphinx`: lines `<s> words </s> (key)` in `file`.
    `stamp`: the text beside the audio, its first line (English) or the line of `language`.
    """

    column: Literal["transcript", "caption"]
    format: Literal["asterisk", "sphinx", "stamp"]
    file: str = ""
    language: str = ""


class Pick(Record):
    """One clip of a table: a file below the corpus's folder, whole or an excerpt, and what is known of it."""

    source: str = Field(min_length=1)
    start_s: Seconds = Field(ge=0, default=None)
    duration_s: Seconds = Field(gt=0, default=None)
    cells: Mapping[str, str]


class CorpusPlan(Record):
    """One corpus: its packages with their versions, its terms, and its clips."""

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    packages: dict[str, str] = Field(min_length=1)
    folder: str
    """Where the audio lies, below the folder that the packages were unpacked into."""
    licence: str = Field(min_length=1)
    attribution: str = Field(min_length=1)
    domain: Domain
    language: str = ""
    attributes: tuple[str, ...] = ()
    texts: Texts | None = None
    every_clip: Mapping[str, str] = Field(default_factory=dict)
    picks: tuple[Pick, ...] = Field(min_length=1)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `metadata.csv` after `path`."""
        return (*CLIP_COLUMNS, *self.attributes)


def load_plan(folder: Path) -> tuple[CorpusPlan, ...]:
    """Read `corpora.yaml` and `selection/<corpus>.csv`; ConfigurationError names the file, the place and the value."""
    path = folder / "corpora.yaml"
    try:
        text = path.read_text(encoding="utf-8")
        # BaseLoader builds no objects and leaves every scalar a string: a version such as 1.10 is not a number.
        entries: dict[str, dict[str, Any]] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
        return tuple(_corpus(folder, name, entry) for name, entry in entries.items())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"{folder}: mend {where}: {first['msg']}, got {str(first['input'])[:60]!r}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{folder}: mend or restore it: {' '.join(str(error).split())}") from error


def _corpus(folder: Path, name: str, entry: dict[str, Any]) -> CorpusPlan:
    table = folder / "selection" / f"{name}.csv"
    with table.open(encoding="utf-8", newline="") as file:
        picks = [_pick(row) for row in csv.DictReader(file, restkey="")]
    corpus = CorpusPlan.model_validate({**entry, "name": name, "picks": picks}, strict=False)
    for column in (*corpus.every_clip, *corpus.picks[0].cells):
        if column not in corpus.columns:
            known = ", ".join((*PLACE_COLUMNS, *corpus.columns))
            raise ConfigurationError(f"{table}: unknown column {column!r}: it has {known}")
    return corpus


def _pick(row: dict[str, str]) -> dict[str, object]:
    place: dict[str, object] = {key: row.pop(key) for key in PLACE_COLUMNS if key in row}
    return {**place, "cells": row}
