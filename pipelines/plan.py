"""What a run would do, stage by stage, and why: asked of the store and of digests, without running anything."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

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


class StagePlan(Record):
    """Whether a stage would run, and the reasons."""

    action: Literal["run", "reuse"]
    because: tuple[str, ...]


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
            stages[stage.name] = StagePlan(action="run", because=tuple(_reasons(stage, missing, lineage, home)))
    return stages


def _digest(reference: str, home: Home) -> str | None:
    """Return the digest of a stored model, or `None` where the store does not have it."""
    parse_reference(reference)
    try:
        return open_model(reference, home.models).digest
    except ConfigurationError:
        return None


def _missing_inputs(stage: Stage, made: Mapping[str, str]) -> Iterator[str]:
    for word, maker in stage.inputs.items():
        if maker not in made:
            yield f"input {word} changes because {maker} runs"


def _missing_sources(stage: Stage, profile: Profile, models: Mapping[str, str | None]) -> Iterator[str]:
    if stage.reads_corpora and not profile.corpora:
        yield "the sample corpora are not here yet: the run pulls them"
    for name in stage.models:
        if models[name] is None:
            yield f"model {name} is not in the store yet: the run brings {getattr(profile, name)}"


def _reasons(stage: Stage, missing: Sequence[str], lineage: Lineage, home: Home) -> Iterator[str]:
    """Say what the newest result of a stage was made from that is different now."""
    latest = latest_result(home, stage)
    if latest is None:
        yield from ("never run", *(reason for reason in missing if not reason.startswith("input ")))
        return
    yield from missing
    before = latest.lineage
    settings = _changes(dict(flat(before.settings)), dict(flat(lineage.settings)))
    yield from (f"setting {name} {old} → {new}" for name, old, new in settings)
    if before.code != lineage.code:
        yield f"code of components.core or components.{stage.name} changed"
    yield from (f"input {name} changed" for name in _common_changes(before.inputs, lineage.inputs))
    yield from (f"model {name} changed" for name in _common_changes(before.models, lineage.models))
    for name, old, new in _changes(before.sources, lineage.sources):
        if name == TOMBSTONES:
            yield "more was erased since"
        else:
            yield f"corpus {name} {'is new' if old is None else 'is gone' if new is None else 'changed'}"
    if any((home.work / stage.name / lineage.key).glob("*")):
        yield "an earlier run did not finish it: what is done is taken up"


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield each name whose value differs with its old and new value; `None` where there is no such name."""
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            yield name, before.get(name), now.get(name)


def _common_changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return what is known of both and differs; what is not known yet has a reason of its own."""
    return sorted(name for name in before.keys() & now.keys() if before[name] != now[name])
