"""What a run would do, stage by stage, and why: asked of the store and of digests, without running anything."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from components.core.contracts.artifacts import Lineage, read_manifest
from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.execution import latest_result, lineage_of
from components.core.home import Home
from components.core.models.references import parse_reference
from components.core.models.store import open_model
from components.core.settings import flat
from components.core.stages import Stage
from components.core.tombstones import TOMBSTONES
from pipelines.profiles import Profile
from pipelines.revision import sources_of


class Cause(StrEnum):
    """What kind of reason makes a stage run."""

    NEVER_RUN = "never_run"
    FOLLOWS = "follows"
    MISSING = "missing"
    SETTING = "setting"
    CODE = "code"
    INPUT = "input"
    MODEL = "model"
    SOURCE = "source"
    ERASED = "erased"
    UNFINISHED = "unfinished"


class StagePlan(Record):
    """Whether a stage would run, and the reasons; `causes` are their kinds, one for each."""

    action: Literal["run", "reuse"]
    because: tuple[str, ...]
    causes: tuple[Cause, ...] = Field((), exclude=True)


Reason = tuple[Cause, str]


def plan(profile: Profile, home: Home) -> dict[str, StagePlan]:
    """Say for each stage whether it would run or be reused.

    A stage after one that runs is planned to run too; it is reused all the same if its input comes out as before.

    Raises:
        ConfigurationError: a model reference is malformed, the folder of a corpus is not there, or a corpus forbids
            what the model is meant for.
        SourceError: a corpus cannot be read.
        ContractError: a result or a model in the store is damaged.
    """
    profile.check_use()
    sources = {} if profile.published else dict(sources_of(profile.corpora, home))
    models = {name: _digest(getattr(profile, name), home) for name in ("encoder", "llm")}
    stages: dict[str, StagePlan] = {}
    taken = profile.published.results if profile.published else {}
    made = {name: artifact.digest for name, artifact in taken.items()}
    for stage in profile.stages:
        lineage = lineage_of(
            stage,
            profile.settings(stage.name),
            {word: made[maker] for word, maker in stage.inputs.items() if maker in made},
            {name: digest for name in stage.models if (digest := models[name])},
            sources if stage.reads_corpora else {},
        )
        missing = [*_missing_inputs(stage, made), *_missing_sources(stage, profile, models)]
        result = home.store / stage.name / lineage.key
        if not missing and result.is_dir():
            made[stage.name] = read_manifest(result).digest
            stages[stage.name] = StagePlan(action="reuse", because=("nothing that decides its result changed",))
        else:
            reasons = tuple(_reasons(stage, missing, lineage, home))
            because, causes = tuple(text for _, text in reasons), tuple(cause for cause, _ in reasons)
            stages[stage.name] = StagePlan(action="run", because=because, causes=causes)
    return stages


def _digest(reference: str, home: Home) -> str | None:
    """Return the digest of a stored model, or `None` where the store does not have it."""
    parse_reference(reference)
    try:
        return open_model(reference, home.models).digest
    except ConfigurationError:
        return None


def _missing_inputs(stage: Stage, made: Mapping[str, str]) -> Iterator[Reason]:
    for word, maker in stage.inputs.items():
        if maker not in made:
            yield Cause.FOLLOWS, f"input {word} changes because {maker} runs"


def _missing_sources(stage: Stage, profile: Profile, models: Mapping[str, str | None]) -> Iterator[Reason]:
    if stage.reads_corpora and not profile.corpora:
        yield Cause.MISSING, "the sample corpora are not here yet: the run pulls them"
    for name in stage.models:
        if models[name] is None:
            yield Cause.MISSING, f"model {name} is not in the store yet: the run brings {getattr(profile, name)}"


def _reasons(stage: Stage, missing: Sequence[Reason], lineage: Lineage, home: Home) -> Iterator[Reason]:
    """Say what the newest result of a stage was made from that is different now."""
    latest = latest_result(home, stage)
    if latest is None:
        yield Cause.NEVER_RUN, "never run"
        yield from (reason for reason in missing if reason[0] is not Cause.FOLLOWS)
        return
    yield from missing
    yield from _differences(stage, latest.lineage, lineage)
    if any((home.work / stage.name / lineage.key).glob("*")):
        yield Cause.UNFINISHED, "an earlier run did not finish it: what is done is taken up"


def _differences(stage: Stage, before: Lineage, now: Lineage) -> Iterator[Reason]:
    for name, old, new in _changes(dict(flat(before.settings)), dict(flat(now.settings))):
        yield Cause.SETTING, f"setting {name} {old} → {new}"
    if before.code != now.code:
        yield Cause.CODE, f"code of components.core or components.{stage.name} changed"
    for name in _common_changes(before.inputs, now.inputs):
        yield Cause.INPUT, f"input {name} changed"
    for name in _common_changes(before.models, now.models):
        yield Cause.MODEL, f"model {name} changed"
    for name, old, new in _changes(before.sources, now.sources):
        if name == TOMBSTONES:
            yield Cause.ERASED, "more was erased since"
            continue
        yield Cause.SOURCE, f"corpus {name} {'is new' if old is None else 'is gone' if new is None else 'changed'}"


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield each name whose value differs with its old and new value; `None` where there is no such name."""
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            yield name, before.get(name), now.get(name)


def _common_changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return what is known of both and differs; what is not known yet has a reason of its own."""
    return sorted(name for name in before.keys() & now.keys() if before[name] != now[name])
