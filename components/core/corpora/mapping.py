"""Attribute normalisers as data: from the columns and codes of a corpus to standard attributes and their values.

A mapping is a YAML file with one rule for each source column:

    accents:                # the column, whatever its case
      attribute: accent     # the standard attribute (`vocabulary.yaml`); without it, the column's own name
      values:               # value of the corpus: standard value; nothing after the colon leaves it out
        us: American English
        Unknown:
      bins: {0: child, 13: teens, 20: twenties}    # for numbers: the word from this number on
      other: drop           # what is not listed is left out and counted; without it, an error

A rule without values and bins takes the column as it is. The columns without a rule stay what they are.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Record
from components.core.corpora.entries import COLUMNS
from components.core.corpora.policy import POLICY_FILE, SENSITIVE, CorpusPolicy, plain

T = TypeVar("T")
MAPPINGS = Path(__file__).parent / "mappings"
"""Mappings of well-known corpora; `mapping: vctk` means `vctk.yaml` in here."""


class StandardAttribute(Record):
    """What an attribute means, and the values it may have (none: any text)."""

    meaning: str
    values: tuple[str, ...] = ()


class Rule(Record):
    """What a mapping file says of one column."""

    attribute: str = ""
    values: dict[str, str] = Field(default_factory=dict)
    bins: dict[FiniteFloat, str] = Field(default_factory=dict)
    other: Literal["error", "drop"] = "error"


@dataclass(frozen=True, kw_only=True)
class Normaliser:
    """A checked rule: `values` by their plain form, `bins` from the highest; no word (`""`) is left out."""

    attribute: str
    values: Mapping[str, str]
    bins: tuple[tuple[float, str], ...]
    drops: bool
    as_is: bool

    def word(self, value: str) -> str | None:
        """Return the standard value, `""` for what is left out, `None` for what no rule names."""
        if self.as_is:
            return value
        listed = self.values.get(plain(value))
        return self._bin(value) if listed is None else listed

    def _bin(self, value: str) -> str | None:
        number = _number(value)
        return next((word for lowest, word in self.bins if number >= lowest), None)


@dataclass(frozen=True)
class Mapper:
    """Puts the attributes of a corpus into standard words, and counts by column what it leaves out."""

    name: str = ""
    normalisers: Mapping[str, Normaliser] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    def standard(self, attributes: Mapping[str, str], where: str) -> dict[str, str]:
        """Return attributes by their standard names.

        Raises:
            SourceError: a value is in no rule and may not be dropped, or two columns disagree about an attribute.
        """
        if not self.normalisers:
            return dict(attributes)
        told: dict[str, str] = {}
        tellers: dict[str, str] = {}
        for column, value in attributes.items():
            normaliser = self.normalisers.get(plain(column))
            name = normaliser.attribute if normaliser else column
            word = self._word(normaliser, column, value, where) if normaliser else value
            if not word:
                continue
            first = tellers.setdefault(name, column)
            if told.setdefault(name, word) != word:
                raise SourceError(
                    f"{where}: {name} is {told[name]!r} after column {first!r} and {word!r} after {column!r}; "
                    "empty one of the cells"
                )
        return {name: told[name] for name in sorted(told)}

    def names(self, columns: Iterable[str]) -> set[str]:
        """Return what the attributes of these columns are called afterwards."""
        found = {column: self.normalisers.get(plain(column)) for column in columns}
        return {normaliser.attribute if normaliser else column for column, normaliser in found.items()}

    def _word(self, normaliser: Normaliser, column: str, value: str, where: str) -> str:
        word = normaliser.word(value)
        if word is None and not normaliser.drops:
            hint = _hint(value, normaliser.values) or f"it has {_list(normaliser)}; "
            raise SourceError(
                f"{where}: {column} {value[:60]!r} is not in the mapping {self.name}; {hint}"
                "mend the cell, list the value, or write `other: drop`"
            )
        if not word:
            self.left_out[column] += 1
        return word or ""


@cache
def vocabulary() -> Mapping[str, StandardAttribute]:
    """Return the standard attributes by name."""
    content = yaml.safe_load((Path(__file__).parent / "vocabulary.yaml").read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, StandardAttribute]).validate_python(content, strict=False)


def mapper_of(folder: Path, policy: CorpusPolicy) -> Mapper:
    """Return what a corpus's `mapping` asks for: a file in its folder (`….yaml`) or a ready one by name.

    Raises:
        SourceError: there is no such mapping, or a rule of it cannot be used; the message names it.
    """
    if not policy.mapping:
        return Mapper()
    return Mapper(policy.mapping, read_mapping(_place(folder, policy.mapping)))


def read_mapping(path: Path) -> dict[str, Normaliser]:
    """Read and check a mapping file; SourceError names the column and says what to do."""
    try:
        # BaseLoader makes nothing but text: `no`, `1e3` and an empty value stay what the corpus writes.
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506
        rules = TypeAdapter(dict[str, Rule]).validate_python(content, strict=False)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{path}: mend it: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ": ".join(map(str, first["loc"])) or "the file"
        raise SourceError(f"{path}: {place}: {first['msg']}, got {str(first['input'])[:60]!r}") from error
    return _plainly({column: _checked(column, rule, path) for column, rule in rules.items()}, str(path))


def _place(folder: Path, name: str) -> Path:
    path = folder / name if name.endswith(".yaml") else MAPPINGS / f"{name}.yaml"
    if Path(name).name == name and path.is_file():
        return path
    ready = sorted(file.stem for file in MAPPINGS.glob("*.yaml"))
    hint = _hint(name, ready)
    raise SourceError(
        f"{folder / POLICY_FILE}: mapping {name!r}: {hint}want a .yaml file beside it, or one of {', '.join(ready)}"
    )


def _checked(column: str, rule: Rule, path: Path) -> Normaliser:
    attribute = rule.attribute or plain(column)
    if plain(column) in SENSITIVE:
        raise SourceError(
            f"{path}: column {column!r} is sensitive or cannot be heard, under whatever name; remove its rule"
        )
    if column in COLUMNS:
        raise SourceError(f"{path}: column {column!r} is no attribute; remove its rule")
    if attribute not in vocabulary():
        hint = _hint(attribute, vocabulary())
        raise SourceError(
            f"{path}: {column}: no standard attribute {attribute!r}; {hint}known: {', '.join(vocabulary())}"
        )
    allowed = vocabulary()[attribute].values
    listed = rule.values if rule.values or rule.bins else {word: word for word in allowed}
    values = _plainly(listed, f"{path}: {column}")
    if odd := [word for word in (*values.values(), *rule.bins.values()) if word and allowed and word not in allowed]:
        raise SourceError(
            f"{path}: {column}: {_hint(odd[0], allowed)}{attribute} {odd[0]!r} is not one of {', '.join(allowed)}"
        )
    return Normaliser(
        attribute=attribute,
        values=values,
        bins=tuple(sorted(rule.bins.items(), reverse=True)),
        drops=rule.other == "drop",
        as_is=not values and not rule.bins,
    )


def _plainly(named: Mapping[str, T], where: str) -> dict[str, T]:
    """Return things by the plain form of their names; SourceError where two of different content have the same."""
    found: dict[str, T] = {}
    for name, content in named.items():
        if found.setdefault(plain(name), content) != content:
            raise SourceError(f"{where}: {name!r} is there twice, in different spelling; keep one")
    return found


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _hint(value: str, known: Iterable[str]) -> str:
    meant = get_close_matches(plain(value), {plain(each): each for each in known}, n=1)
    return f"did you mean {meant[0]!r}? " if meant else ""


def _list(normaliser: Normaliser) -> str:
    numbers = [f"numbers from {normaliser.bins[-1][0]:g}"] if normaliser.bins else []
    return ", ".join([*list(normaliser.values)[:8], *numbers])
