"""Let the backbone answer questions about clips that it knows only in words: the answers are the training targets."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.core.contracts.artifacts import Artifact, Tally
from components.core.contracts.errors import SourceError
from components.core.contracts.parquet import write_shard
from components.core.contracts.records import Decoding, GeneratorIdentity, Record, Sample, Sha256
from components.core.conversation import audio_conversation
from components.core.execution import Outcome, Workplace
from components.core.runs import Increment
from components.self_generate.generation import DOES_NOT_FIT, Generator, Reply, Stopped
from components.self_generate.generations import Generations
from components.self_generate.prompt_pool import load_pools
from components.self_generate.questions import Plan, Planned
from components.self_generate.settings import SelfGenerateSettings, ShardSettings

ASKED = "asked.parquet"
"""In the folder of unfinished work: the sample ids that it needs, which nobody may collect."""


class Asked(Record):
    """A sample that a job needs."""

    sample_id: Sha256


def self_generate(plan: Plan, generator: Generator, generations: Generations, place: Workplace) -> Outcome:
    """Answer what is not yet answered, then write all samples in the order of the plan.

    Raises:
        ContractError: a kept reply cannot be read back.
        Stopped: the generator could not go on; all that it had answered is kept.
    """
    found = _look_up(plan, generations, place)
    started_s = time.monotonic()
    fresh = _answer_missing(plan, generator, generations)
    shown = place.progress.track(fresh, label="answer", unit="answers", total=len(plan), first=found)
    read = written = 0
    for reply in shown:
        read += reply.prompt_tokens if reply.finish_reason != DOES_NOT_FIT else 0
        written += reply.response_tokens
    _report(len(plan), found, read, written, time.monotonic() - started_s)
    account = _Account()
    place.draft.write(_samples(plan, generations, account), Sample)
    return Outcome(
        counts=account.tally.counts(),
        facts={**origin_of(plan), **account.facts()},
        increment=Increment(unit="answers", found=found, made=len(plan) - found),
    )


def plan_of(descriptions: Artifact, settings: SelfGenerateSettings, generator: GeneratorIdentity) -> Plan:
    """Plan the questions about all descriptions, or those of a shard.

    Raises:
        SourceError: there are no descriptions.
        ConfigurationError: a prompt pool breaks a rule.
    """
    if not descriptions.manifest.counts.rows_out:
        raise SourceError(
            f"{descriptions.folder}: holds no descriptions: nothing to ask about; ingest some clips first"
        )
    return Plan(
        descriptions=descriptions,
        pools=load_pools(),
        prompts_per_clip=settings.prompts_per_clip,
        generator=generator,
        decoding=decoding_of(settings),
        batch=settings.batch,
        shard=settings.shard if isinstance(settings, ShardSettings) else 0,
        shards=settings.shards if isinstance(settings, ShardSettings) else 1,
    )


def decoding_of(settings: SelfGenerateSettings) -> Decoding:
    """Return the part of the settings that decides an answer."""
    return Decoding(
        temperature=settings.temperature, top_p=settings.top_p, max_tokens=settings.max_tokens, seed=settings.seed
    )


def _look_up(plan: Plan, generations: Generations, place: Workplace) -> int:
    """Count the answers that are there, and say on disk which ones this job needs, as long as it is not done."""
    found = 0

    def asked() -> Iterator[Asked]:
        nonlocal found
        for question in plan:
            found += question.sample_id in generations
            yield Asked(sample_id=question.sample_id)

    draft = place.resume / f".{ASKED}.draft"
    write_shard(draft, asked(), Asked)
    draft.replace(place.resume / ASKED)
    return found


def _answer_missing(plan: Plan, generator: Generator, generations: Generations) -> Iterator[Reply]:
    """Answer batch by batch of the whole plan: a resumed run cuts the same batches as one that was never killed.

    What an answer shares a batch with can decide between two equally likely words (rounding), so batches matter.
    Where a part of a batch was answered before, only the rest of it is asked, together: nobody is asked twice, and a
    row that changed may be answered in other words than it would have been among its old neighbours.
    """
    for batch in plan.batches():
        missing = [question for question in batch if question.sample_id not in generations]
        if missing:
            yield from _answer_batch(missing, generator, generations)


def _answer_batch(batch: Sequence[Planned], generator: Generator, generations: Generations) -> Iterator[Reply]:
    """Pass replies on as they come, and keep them together in the order of the questions."""
    reply_of: dict[str, Reply] = {}
    try:
        for reply in generator.generate(batch):
            reply_of[reply.sample_id] = reply
            yield reply
    except Stopped:
        if reply_of:
            generations.keep(_ordered(batch, reply_of))
        raise
    generations.keep(_ordered(batch, reply_of))


def _ordered(batch: Sequence[Planned], reply_of: Mapping[str, Reply]) -> list[Reply]:
    return [reply_of[question.sample_id] for question in batch if question.sample_id in reply_of]


def _samples(plan: Plan, generations: Generations, account: "_Account") -> Iterator[Sample]:
    for question in plan:
        reply = generations[question.sample_id]
        account.add(reply)
        yield _sample(question, reply, plan)


def _sample(question: Planned, reply: Reply, plan: Plan) -> Sample:
    description, prompt = question.description, question.prompt
    return Sample(
        sample_id=question.sample_id,
        clip_id=description.clip_id,
        domain=description.domain,
        split=description.split,
        prompt_id=prompt.prompt_id,
        prompt=prompt.text,
        seed_description=description.seed_description,
        transcript=description.transcript,
        messages=audio_conversation(prompt.text),
        response=reply.response,
        response_tokens=reply.response_tokens,
        finish_reason=reply.finish_reason,
        nll_per_token=reply.nll_per_token,
        generator=plan.generator,
        decoding=plan.decoding,
    )


class _Account:
    """Sums up the samples while they are written; nothing in it depends on the run."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._finished: Counter[str] = Counter()
        self._prompt_tokens = 0
        self._response_tokens = 0

    def add(self, reply: Reply) -> None:
        self.tally.rows_in += 1
        self.tally.rows_out += 1
        self._finished[reply.finish_reason] += 1
        self._prompt_tokens += reply.prompt_tokens
        self._response_tokens += reply.response_tokens

    def facts(self) -> dict[str, Any]:
        return {
            "finish_reasons": dict(sorted(self._finished.items())),
            "prompt_tokens": self._prompt_tokens,
            "response_tokens": self._response_tokens,
        }


def origin_of(plan: Plan) -> dict[str, Any]:
    """Return the facts of a result that do not depend on the answers."""
    pools = {domain.value: {"version": pool.version, "digest": pool.digest} for domain, pool in plan.pools.items()}
    return {
        "generator": plan.generator.model_dump(),
        "decoding": plan.decoding.model_dump(),
        "prompt_pools": pools,
    }


def _report(asked: int, found: int, read: int, written: int, seconds: float) -> None:
    line = f"self_generate: {asked} questions, {found} answered before"
    if asked > found:
        rates = f"{read / seconds:.0f} prompt and {written / seconds:.0f} output tokens/s"
        line += f", {asked - found} in {seconds:.0f} s: {rates}"
    print(line, file=sys.stderr)
