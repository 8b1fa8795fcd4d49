"""Answers of a system to a benchmark's items, kept one by one: what was answered is never asked again."""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from components.core.contracts.errors import ConfigurationError
from components.core.digests import digest_of
from components.core.progress import Progress
from components.core.publishing import write_file
from components.evaluate_model.benchmarks.journal import Journal
from components.evaluate_model.benchmarks.records import Item, Prediction

PREDICTIONS, SYSTEM = "predictions.jsonl", "system.json"


class System(Protocol):
    """Whoever answers items."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Say all that decides the answers beside the items."""
        ...

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Answer items, in any order, as the answers come."""
        ...


class AnswerBook:
    """The answers of one system to one set of items, in a folder; each is on the disk before the next is waited for."""

    def __init__(self, folder: Path, system: Mapping[str, Any], items: Sequence[Item]) -> None:
        """Open or begin a book.

        Raises:
            ConfigurationError: the folder has answers of another system or to other items.
            ContractError: a line of it is damaged.
        """
        about = {**system, "items": digest_of([item.model_dump(mode="json") for item in items])}
        _check_same(folder, about)
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / SYSTEM, json.dumps(about, indent=1, sort_keys=True) + "\n")
        self._journal = Journal(folder / PREDICTIONS, Prediction)
        self.answered = {prediction.item_id: prediction for prediction in self._journal.records}

    def fill(self, system: System, items: Sequence[Item]) -> Iterator[Prediction]:
        """Yield the answers to those items that have none yet, each after it was kept."""
        missing = [item for item in items if item.item_id not in self.answered]
        for prediction in system.answer(missing):
            self._journal.keep(prediction)
            self.answered[prediction.item_id] = prediction
            yield prediction


def answer_all(
    folder: Path, system: System, items: Sequence[Item], progress: Progress, label: str
) -> Mapping[str, Prediction]:
    """Bring the answers of a system to their end, and return them by item; what the folder has is not asked again.

    Raises:
        ConfigurationError: the folder has answers of another system or to other items.
        ContractError: a line of it is damaged.
    """
    book = AnswerBook(folder, system.identity, items)
    first, answers = len(book.answered), book.fill(system, items)
    deque(progress.track(answers, label=label, unit="items", total=len(items), first=first), maxlen=0)
    return book.answered


def _check_same(folder: Path, about: Mapping[str, Any]) -> None:
    file = folder / SYSTEM
    if not file.is_file():
        return
    before = json.loads(file.read_text("utf-8"))
    if odd := [name for name in sorted({*before, *about}) if before.get(name) != about.get(name)]:
        raise ConfigurationError(
            f"{folder}: has answers with another {odd[0]}: {before.get(odd[0])!r}, now {about.get(odd[0])!r}; "
            "name another folder, or remove this one"
        )
