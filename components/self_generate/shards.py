"""Shards of one run put together: every row exactly once, in the order of the plan, as if there had been no shards."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import Artifact, Counts, open_artifact
from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.contracts.records import GeneratorIdentity, Sample
from components.core.execution import Job, Outcome, Workplace
from components.core.settings import checked
from components.core.stages import stage_named
from components.self_generate.questions import Plan
from components.self_generate.settings import ShardSettings
from components.self_generate.stage import origin_of, plan_of

SHARD = "samples_shard"
"""The kind of artifact that a shard is: no other stage takes it for the samples."""


def open_shards(folders: Sequence[Path]) -> tuple[Artifact, ...]:
    """Open and verify all shards of one run, given in any order, and return them by their number.

    Raises:
        ContractError: one of them is damaged or is no shard.
        ConfigurationError: they are of different runs, or one is missing or there twice.
    """
    first, *others = [open_artifact(folder, SHARD) for folder in folders]
    for other in others:
        _check_same(first, other)
    by_number: dict[int, Artifact] = {}
    for shard in (first, *others):
        number = settings_of(shard).shard
        if twin := by_number.get(number):
            raise ConfigurationError(
                f"{shard.folder}: is shard {number}, and so is {twin.folder}; name each shard once"
            )
        by_number[number] = shard
    count = settings_of(first).shards
    if missing := [str(number) for number in range(count) if number not in by_number]:
        raise ConfigurationError(f"shard {', '.join(missing)} of {count} is missing; name it with --shard")
    return tuple(by_number[number] for number in range(count))


def settings_of(shard: Artifact) -> ShardSettings:
    """Return the settings that a shard was made with."""
    return checked("self_generate", ShardSettings, shard.manifest.lineage.settings)


def job_of(shards: Sequence[Artifact], descriptions: Artifact) -> Job:
    """Return the job that the shards are parts of: the one that the stage has without shards, under the same key.

    Raises:
        ConfigurationError: they were made from other descriptions or by other code.
    """
    first, lineage = shards[0], shards[0].manifest.lineage
    whole = settings_of(first).whole
    job = Job(
        stage=stage_named("self_generate"),
        settings=whole,
        inputs={"descriptions": descriptions},
        models=lineage.models,
    )
    if lineage.inputs != (wanted := job.lineage()).inputs:
        raise ConfigurationError(
            f"{first.folder}: was not made from {descriptions.folder}; name the descriptions it read"
        )
    if lineage.code != wanted.code:
        raise ConfigurationError(f"{first.folder}: was made by other code; make the shards again with this code")
    return job


def merge(shards: Sequence[Artifact], descriptions: Artifact, place: Workplace) -> Outcome:
    """Write the samples of all shards in the order of the plan, one row of each shard in memory at a time.

    Raises:
        ContractError: a shard has other rows than the plan.
    """
    facts = [shard.manifest.facts for shard in shards]
    plan = plan_of(descriptions, settings_of(shards[0]).whole, GeneratorIdentity(**facts[0]["generator"]))
    place.draft.write(_merged(plan, shards), Sample)
    sums = {
        "finish_reasons": dict(sorted(sum((Counter(each["finish_reasons"]) for each in facts), Counter()).items())),
        "prompt_tokens": sum(each["prompt_tokens"] for each in facts),
        "response_tokens": sum(each["response_tokens"] for each in facts),
    }
    counts = Counts(rows_in=len(plan), rows_out=sum(s.manifest.counts.rows_out for s in shards), refused={})
    return Outcome(counts=counts, facts={**origin_of(plan), **sums})


def _merged(plan: Plan, shards: Sequence[Artifact]) -> Iterator[Sample]:
    rows = [shard.read(Sample) for shard in shards]
    for number, batch in enumerate(plan.batches()):
        place = number % len(shards)
        for question in batch:
            sample = next(rows[place], None)
            if sample is None or sample.sample_id != question.sample_id:
                found = f"holds {sample.sample_id}" if sample else "ends"
                raise _other_rows(shards[place], f"{found} where the plan has {question.sample_id}")
            yield sample
    for shard, rest in zip(shards, rows, strict=True):
        if sample := next(rest, None):
            raise _other_rows(shard, f"holds {sample.sample_id} after all that the plan has")


def _other_rows(shard: Artifact, what: str) -> ContractError:
    return ContractError(f"{shard.folder}: {what}; make the shard again")


def _check_same(first: Artifact, other: Artifact) -> None:
    mine, its = _origin(first), _origin(other)
    for name in sorted(mine.keys() | its.keys()):
        if mine.get(name) != its.get(name):
            raise ConfigurationError(
                f"{other.folder}: {name} is {its.get(name)}, in {first.folder} {mine.get(name)}; take shards of one run"
            )


def _origin(shard: Artifact) -> Mapping[str, Any]:
    """Name everything that the shards of one run have in common."""
    lineage, facts = shard.manifest.lineage, shard.manifest.facts
    settings = {f"setting {name}": value for name, value in lineage.settings.items() if name != "shard"}
    generator = {f"generator {name}": value for name, value in facts["generator"].items()}
    descriptions = {"the digest of the descriptions": lineage.inputs["descriptions"]}
    return {**settings, **generator, **descriptions, "the digest of the code": lineage.code, **lineage.models}
