"""The arguments of a constraint, as benchmarks write them, each checked when it is asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.core.contracts.errors import SourceError

_LESS, _AT_LEAST = "less than", "at least"


@dataclass(frozen=True)
class Relation:
    """How a count stands to a threshold: less than it, or at least as high."""

    word: str
    threshold: int

    def holds(self, count: int) -> bool:
        """Tell whether a count is as wanted."""
        return count < self.threshold if self.word == _LESS else count >= self.threshold


@dataclass(frozen=True)
class Arguments:
    """Arguments by their names, and where they stand; `null` counts as absent.

    The official code draws what is absent at random. Here it is an error, as is what no rule asks for: a score that
    depends on a draw nobody sees, or on an argument nobody reads, is none.
    """

    where: str
    constraint_id: str
    values: Mapping[str, Any]
    _asked: set[str] = field(default_factory=set)

    def number(self, name: str, least: int = 0) -> int:
        """Return a whole number of at least `least`; `3.0`, as tables of several kinds of rows have it, is one."""
        value = self._value(name)
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(whole, bool) or not isinstance(whole, int) or whole < least:
            raise self.unfit(name, f"a whole number from {least}")
        return whole

    def text(self, name: str) -> str:
        """Return a text that is not blank, without the space around it."""
        value = self._value(name)
        if not isinstance(value, str) or not value.strip():
            raise self.unfit(name, "a text")
        return value.strip()

    def letter(self, name: str) -> str:
        """Return a single character, in lower case."""
        if len(value := self.text(name)) != 1:
            raise self.unfit(name, "one character")
        return value.lower()

    def choice(self, name: str, known: frozenset[str]) -> str:
        """Return one of the known texts."""
        if (value := self.text(name)) not in known:
            raise self.unfit(name, f"one of {', '.join(sorted(known))}")
        return value

    def relation(self, word: str, threshold: str) -> Relation:
        """Return a relation from the argument that has its words and the one that has its threshold."""
        return Relation(self.choice(word, frozenset({_LESS, _AT_LEAST})), self.number(threshold))

    def pattern(self, name: str, form: str = "{}") -> re.Pattern[str]:
        """Return a text as the regular expression that official rules take it for; case does not matter in it."""
        return self._compiled(name, form.format(self.text(name)))

    def patterns(self, name: str, form: str = "{}") -> tuple[re.Pattern[str], ...]:
        """Return a list of texts, at least one, as regular expressions, each put into `form`."""
        values = self._value(name)
        if not isinstance(values, list | tuple) or not values or not all(isinstance(v, str) and v for v in values):
            raise self.unfit(name, "a list of texts")
        return tuple(self._compiled(name, form.format(value)) for value in values)

    def finish(self) -> None:
        """Make sure that every argument was asked for."""
        given = {name for name, value in self.values.items() if value is not None}
        if odd := sorted(given - self._asked):
            raise SourceError(f"{self.where}: {self.constraint_id} has no argument {odd[0]!r}")

    def _value(self, name: str) -> Any:
        self._asked.add(name)
        if self.values.get(name) is None:
            raise SourceError(f"{self.where}: {self.constraint_id} lacks its argument {name!r}")
        return self.values[name]

    def _compiled(self, name: str, expression: str) -> re.Pattern[str]:
        try:
            return re.compile(expression, re.IGNORECASE)
        except re.error as error:
            raise self.unfit(name, f"a regular expression ({error})") from error

    def unfit(self, name: str, wanted: str) -> SourceError:
        """Return the error that an argument is not as a rule wants it."""
        return SourceError(f"{self.where}: {self.constraint_id}: {name!r} is {self.values[name]!r}, want {wanted}")
