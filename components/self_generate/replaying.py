"""A random part of a result answered again, without looking at what was answered before, and compared byte by byte.

Equal bytes are promised for equal batches on an equal machine: the same questions together in the same order, answered
by the same weights, tokenizer, chat template, engine, version and dtype. So whole batches are replayed, as they were
asked: beside each kept answer stands the batch that it was part of, and the machine. Where that record is gone, the
batches are cut as the stage cuts them, and a difference cannot be explained.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import takewhile
from operator import eq
from pathlib import Path

from pydantic import Field
from tokenizers import Tokenizer

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import GeneratorIdentity, Record, Sample, Sha256
from components.core.conversation import text_conversation
from components.core.digests import seed_of
from components.core.progress import Progress
from components.self_generate.generation import Generator, Reply, replies_to
from components.self_generate.generations import Generations, Kept, batch_digest
from components.self_generate.questions import Question, sample_id_of
from components.self_generate.settings import ReplaySettings

_SHOWN = 5


class Reason(StrEnum):
    """Why an answer came out differently."""

    ENGINE = "other_engine"
    DTYPE = "other_dtype"
    MACHINE = "other_machine"
    BATCH = "other_batch"
    WORDS = "other_words"
    """The code of today puts the question in other words."""


class Difference(Record):
    """An answer that came out differently: the same for `equal_tokens` tokens. Without reasons nothing explains it."""

    sample_id: Sha256
    clip_id: Sha256
    prompt_id: str
    equal_tokens: int = Field(ge=0)
    recorded: str
    replayed: str
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        why = ", ".join(self.reasons) or "unexplained"
        after = f"differs from token {self.equal_tokens + 1} on ({why})"
        return f"  {self.prompt_id} about {self.clip_id[:12]} {after}: {self.recorded!r} → {self.replayed!r}"


class Replayed(Record):
    """What came of a replay; `on_record` counts the answers whose batch and machine are known."""

    samples: Sha256
    generator: dict[str, str]
    changed: dict[str, tuple[str, str]]
    """Parts of the generator that are not as recorded: what they were, and what they are."""
    seed: int
    batches: int
    answers: int
    answers_in_result: int
    on_record: int
    identical: int
    explained: int
    unexplained: int
    reasons: dict[Reason, int]
    differences: tuple[Difference, ...]

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason} {count}" for reason, count in self.reasons.items())
        off = self.answers - self.on_record
        return "\n".join(
            [
                f"{self.answers} of {self.answers_in_result} answers in {self.batches} batches, seed {self.seed}",
                f"  byte-identical    {self.identical} ({self.identical / self.answers:.1%})",
                f"  explained         {self.explained}" + (f" ({reasons})" if reasons else ""),
                f"  unexplained       {self.unexplained}",
                *(
                    [f"  not on record     {off}: batch and machine are unknown, the kept answers are gone"]
                    if off
                    else []
                ),
                *map(str, self.differences[:_SHOWN]),
                *([f"  … and {more} more, see --json"] if (more := len(self.differences) - _SHOWN) > 0 else []),
            ]
        )


@dataclass(frozen=True)
class Batch:
    """Samples to ask again together; `whole` when these are known to have been asked together, in this order."""

    sample_ids: tuple[str, ...]
    whole: bool


def changes_of(recorded: GeneratorIdentity, now: GeneratorIdentity) -> dict[str, tuple[str, str]]:
    """Return what differs between the generator of a result and the one at hand.

    Raises:
        ConfigurationError: it is another model, whose answers are no replay.
    """
    before, after = recorded.model_dump(), now.model_dump()
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    if not now.same_model(recorded):
        what = "; ".join(f"{name} {old} → {new}" for name, (old, new) in changed.items())
        raise ConfigurationError(f"the model is not the one that answered: {what}; name that model with --llm")
    return changed


def batches_of(samples: Artifact, generations: Generations, size: int) -> tuple[Batch, ...]:
    """Sort the rows of a result into the batches they were asked in, and the rest into groups of `size`."""
    known: dict[str, list[str]] = defaultdict(list)
    rest: list[str] = []
    for sample in samples.read(Sample):
        kept = _on_record(sample, generations)
        (known[kept.batch] if kept else rest).append(sample.sample_id)
    return (
        *(Batch(tuple(ids), batch_digest(ids) == digest) for digest, ids in known.items()),
        *(Batch(tuple(rest[start : start + size]), whole=False) for start in range(0, len(rest), size)),
    )


def chosen(batches: Sequence[Batch], settings: ReplaySettings) -> tuple[Batch, ...]:
    """Draw batches until they have the fraction of all answers; a larger fraction only adds."""
    left = settings.fraction * sum(len(batch.sample_ids) for batch in batches)
    drawn: list[Batch] = []
    for batch in sorted(batches, key=lambda batch: seed_of(settings.seed, batch.sample_ids[0])):
        if left <= 0:
            break
        drawn.append(batch)
        left -= len(batch.sample_ids)
    return tuple(drawn)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A result, who is there to answer now and where, and what was kept when it was answered first."""

    samples: Artifact
    generator: Generator
    changed: Mapping[str, tuple[str, str]]
    machine: str
    generations: Generations
    tokenizer: Path
    progress: Progress

    def of(self, batches: Sequence[Batch], settings: ReplaySettings) -> Replayed:
        """Ask these batches again and compare."""
        wanted = {sample_id for batch in batches for sample_id in batch.sample_ids}
        rows = {s.sample_id: s for s in self.samples.read(Sample) if s.sample_id in wanted}
        shown = self.progress.track(
            batches, label="replay", unit="answers", total=len(wanted), size=lambda batch: len(batch.sample_ids)
        )
        differences = [found for batch in shown for found in self._differences(batch, rows)]
        explained = [difference for difference in differences if difference.reasons]
        return Replayed(
            samples=self.samples.digest,
            generator=self.samples.manifest.facts["generator"],
            changed=dict(self.changed),
            seed=settings.seed,
            batches=len(batches),
            answers=len(wanted),
            answers_in_result=self.samples.manifest.counts.rows_out,
            on_record=sum(_on_record(sample, self.generations) is not None for sample in rows.values()),
            identical=len(wanted) - len(differences),
            explained=len(explained),
            unexplained=len(differences) - len(explained),
            reasons=dict(sorted(Counter(reason for each in explained for reason in each.reasons).items())),
            differences=tuple(differences),
        )

    def _differences(self, batch: Batch, rows: Mapping[str, Sample]) -> Iterator[Difference]:
        asked = [rows[sample_id] for sample_id in batch.sample_ids]
        questions = [_question(sample) for sample in asked]
        for sample, reply in zip(asked, replies_to(questions, self.generator), strict=True):
            if (reply.response, reply.finish_reason) != (sample.response, sample.finish_reason):
                yield Difference(
                    sample_id=sample.sample_id,
                    clip_id=sample.clip_id,
                    prompt_id=sample.prompt_id,
                    equal_tokens=self._equal_tokens(sample, reply),
                    recorded=sample.response,
                    replayed=reply.response,
                    reasons=tuple(self._reasons(batch, questions, sample)),
                )

    def _reasons(self, batch: Batch, questions: Sequence[Question], sample: Sample) -> Iterator[Reason]:
        if {"engine", "engine_version"} & self.changed.keys():
            yield Reason.ENGINE
        if "dtype" in self.changed:
            yield Reason.DTYPE
        if kept := _on_record(sample, self.generations):
            if kept.machine != self.machine:
                yield Reason.MACHINE
            if not batch.whole:
                yield Reason.BATCH
        if any(
            question.sample_id != sample_id for question, sample_id in zip(questions, batch.sample_ids, strict=True)
        ):
            yield Reason.WORDS

    def _equal_tokens(self, sample: Sample, reply: Reply) -> int:
        before, now = (self._tokens.encode(text).ids for text in (sample.response, reply.response))
        return sum(takewhile(bool, map(eq, before, now)))

    @cached_property
    def _tokens(self) -> Tokenizer:
        return Tokenizer.from_file(str(self.tokenizer))


def _on_record(sample: Sample, generations: Generations) -> Kept | None:
    """Return what was kept when this answer was given; two runs at once may have kept another one."""
    if sample.sample_id not in generations:
        return None
    kept = generations[sample.sample_id]
    return kept if kept.response == sample.response else None


def _question(sample: Sample) -> Question:
    conversation = text_conversation(sample.seed_description, sample.prompt)
    return Question(
        sample_id_of(sample.clip_id, sample.prompt_id, conversation, sample.generator, sample.decoding), conversation
    )
