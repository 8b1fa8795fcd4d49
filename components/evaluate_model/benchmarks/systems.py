"""Who answers a benchmark: a trained model that hears the audio, or its backbone that reads words in its place."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.contracts.errors import DestaError, SourceError
from components.core.contracts.records import AUDIO_LOCATOR
from components.core.digests import digest_of
from components.core.inference.desta_model import DestaModel
from components.evaluate_model.benchmarks.records import Item, Prediction

Say = Callable[[Item], list[dict[str, Any]]]
"""Puts an item into messages."""


@dataclass(frozen=True, kw_only=True)
class ModelSystem:
    """A model that answers greedily, so many items at a time; `name` says how it is told of the audio."""

    name: str
    model: DestaModel
    say: Say
    max_tokens: int
    batch: int

    @property
    def identity(self) -> Mapping[str, Any]:
        """Say which model answers, how it is asked, and how long it may answer."""
        config = digest_of(self.model.config.model_dump(mode="json"))  # its form, and the digests of both frozen models
        return {"system": self.name, "model": self.model.name, "config": config, "max_tokens": self.max_tokens}

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Answer items in their order.

        Raises:
            SourceError: a recording cannot be heard, or a conversation does not fit; names the item.
        """
        for start in range(0, len(items), self.batch):
            some = items[start : start + self.batch]
            for item, text in zip(some, self._texts(some), strict=True):
                yield Prediction(item_id=item.item_id, response=text)

    def _texts(self, items: Sequence[Item]) -> list[str]:
        asked = [self.say(item) for item in items]
        try:
            said = self.model.generate(asked, do_sample=False, max_new_tokens=self.max_tokens, batch=self.batch)
        except DestaError as error:
            names = ", ".join(item.item_id for item in items)
            raise SourceError(f"one of the items {names}: {error}") from error
        return [generation.text for generation in said]


def hearing(model: DestaModel, folder: Path, *, max_tokens: int, batch: int) -> ModelSystem:
    """Return a model that hears the audio files below `folder`: a locator for each, then the instruction."""

    def say(item: Item) -> list[dict[str, Any]]:
        audios = [{"audio": str(folder / file)} for file in item.audio]
        content = "\n\n".join(filter(None, (AUDIO_LOCATOR * len(audios), item.instruction)))
        return [*_system(item), {"role": "user", "content": content, "audios": audios}]

    return ModelSystem(name="hears", model=model, say=say, max_tokens=max_tokens, batch=batch)


def reading(model: DestaModel, *, max_tokens: int, batch: int) -> ModelSystem:
    """Return the backbone of a model alone, which reads what an item says in the audio's place."""

    def say(item: Item) -> list[dict[str, Any]]:
        return [*_system(item), {"role": "user", "content": item.reading or item.instruction}]

    return ModelSystem(name="reads", model=model, say=say, max_tokens=max_tokens, batch=batch)


def _system(item: Item) -> list[dict[str, Any]]:
    return [{"role": "system", "content": item.system_prompt}] if item.system_prompt else []
