"""What `desta impact` is asked about, and the rows that this chooses."""

from collections.abc import Iterator
from enum import StrEnum

from pydantic import Field

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.models.store import MARKER, ModelManifest, read_model_manifest
from components.core.runs import passing_over
from pipelines.lineage.catalogue import Catalogue


class By(StrEnum):
    """What rows are chosen by."""

    SPEAKER = "speaker"
    CLIP = "clip"
    SOURCE = "source"
    LICENCE = "licence"
    PROMPT = "prompt"
    LLM = "llm"


class Choice(Record):
    """Values of one kind: a row is chosen that has one of them."""

    by: By
    values: tuple[str, ...] = Field(min_length=1)

    def __str__(self) -> str:
        return f"{self.by} {', '.join(self.values[:3])}" + (", …" if len(self.values) > 3 else "")


OF_CLIPS = {
    By.CLIP: "clip_id IN (SELECT unnest($values))",
    By.SPEAKER: "list_has_any(list_append([s.speaker_id FOR s IN segments], speaker_id), $values)",
    By.SOURCE: "list_has_any([source.corpus, source.corpus || '/' || source.path, source.sha256], $values)",
    By.LICENCE: "lower(licence) IN (SELECT lower(unnest($values)))",
}
"""Conditions on the rows of clips; a person's words are among the values and never in the condition."""

OF_SAMPLES = {
    By.PROMPT: "prompt_id IN (SELECT unnest($values))",
    By.LLM: "generator.weights IN (SELECT unnest($values))",
}
"""Conditions on the rows of samples."""


def checked(choice: Choice) -> Choice:
    """Return a choice whose values can be asked for.

    Raises:
        ConfigurationError: one is empty, too long or not text.
    """
    for value in choice.values:
        if not value.strip():
            raise ConfigurationError(f"--{choice.by}: is empty; name what is looked for")
        if len(value) > 4096:
            raise ConfigurationError(
                f"--{choice.by} {value[:20]!r}…: has {len(value)} characters, want 4096 at the most"
            )
        if not value.isprintable():
            raise ConfigurationError(f"--{choice.by} {value!r}: has characters that no value has")
    return choice


def weights_of(llm: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the digests of weights by which the rows of samples know a model.

    `llm` is that digest itself, that of a model in the store, or the reference by which a run or the store has it.
    """
    models = {llm, *(model.digest for model in _stored(catalogue) if model.ref == llm)}
    samples = {run.outputs.get("samples") for run in catalogue.runs if run.record.parameters.get("llm") == llm}
    found = {llm}
    for content in catalogue.of("samples"):
        if content.digest in samples or models.intersection(content.models("llm")):
            found |= {weights} if (weights := content.generator_weights) else set()
    return tuple(sorted(found))


def _stored(catalogue: Catalogue) -> Iterator[ModelManifest]:
    markers = sorted(catalogue.home.models.glob(f"*/{MARKER}"))
    return passing_over((marker.parent for marker in markers), read_model_manifest)
