"""Whether a retrain is due, and why: asked of the plan, the newest run, the champion and the drift, without a run."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import read_manifest
from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.execution import latest_result
from components.core.home import Home
from components.core.runs import State, passing_over, run_dirs
from components.core.stages import stage_named
from pipelines.plan import Cause, StagePlan, plan
from pipelines.profiles import Profile
from pipelines.sample_data import ROOT
from pipelines.status import RunStatus, status_of
from pipelines.summary import drift_of

_POOLS = ROOT / "components" / "self_generate" / "prompts"


class Due(StrEnum):
    """Why a retrain is due."""

    NEVER_RUN = "never_run"
    NEW_CLIPS = "new_clips"
    ERASED = "erased"
    CHANGED_PROMPTS = "changed_prompts"
    CHANGED_SETTING = "changed_setting"
    NEW_CODE = "new_code"
    NEW_MODEL = "new_model"
    UNFINISHED = "unfinished"
    FAILED_RUN = "failed_run"
    CHAMPION_ERASED = "champion_erased"
    DRIFT = "drift"


_BY_CAUSE: Mapping[Cause, Due] = {
    Cause.NEVER_RUN: Due.NEVER_RUN,
    Cause.SOURCE: Due.NEW_CLIPS,
    Cause.ERASED: Due.ERASED,
    Cause.SETTING: Due.CHANGED_SETTING,
    Cause.CODE: Due.NEW_CODE,
    Cause.MODEL: Due.NEW_MODEL,
    Cause.MISSING: Due.NEW_MODEL,
    Cause.INPUT: Due.UNFINISHED,
    Cause.UNFINISHED: Due.UNFINISHED,
}


class Reason(Record):
    """One reason for a retrain."""

    kind: Due
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class Verdict(Record):
    """Whether a retrain is due: it is where there is a reason."""

    due: bool
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        return "\n".join(["due", *(f"  {reason}" for reason in self.reasons)]) if self.due else "not due"


def verdict_of(profile: Profile, home: Home) -> Verdict:
    """Say whether a run of the profile is due.

    Raises:
        DestaError: see `plan`; or the registry cannot be asked.
    """
    return judge(plan(profile, home), profile.name, home)


def judge(stages: Mapping[str, StagePlan], profile: str, home: Home) -> Verdict:
    """Say whether a run with this plan is due."""
    statuses = passing_over(run_dirs(home.runs), status_of)
    newest = next((status for status in statuses if status.profile == profile), None)
    champion = _champion(home)
    reasons = (
        *_of_plan(stages, home),
        *_of_newest_run(newest),
        *_of_champion(champion),
        *_of_drift(newest, champion, home),
    )
    return Verdict(due=bool(reasons), reasons=reasons)


def _of_plan(stages: Mapping[str, StagePlan], home: Home) -> Iterator[Reason]:
    """Translate the plan's reasons; that a stage follows another that runs is none of its own."""
    seen: set[str] = set()
    for name, stage in stages.items():
        for cause, text in zip(stage.causes, stage.because, strict=False):
            if cause is Cause.FOLLOWS or (cause is Cause.NEVER_RUN and cause in seen):
                continue
            seen.add(cause)
            kind, said = _BY_CAUSE[cause], f"{name}: {text}"
            if cause is Cause.CODE and name == "self_generate" and (pools := _changed_pools(home)):
                kind, said = Due.CHANGED_PROMPTS, f"{name}: prompt pools changed: {', '.join(pools)}"
            yield Reason(kind=kind, text=said)


def _changed_pools(home: Home) -> list[str]:
    """Return the prompt pools whose version is not the one that the newest answers were asked from."""
    latest = latest_result(home, stage_named("self_generate"))
    used: Mapping[str, Any] = latest.facts.get("prompt_pools", {}) if latest else {}
    return [name for name, pool in used.items() if pool["version"] != _version(_POOLS / f"{name}.yaml")]


def _version(pool: Path) -> int | None:
    found = re.search(r"^version: *(\d+)", pool.read_text(encoding="utf-8"), re.MULTILINE)
    return int(found[1]) if found else None


def _of_newest_run(newest: RunStatus | None) -> Iterator[Reason]:
    if newest and newest.state is State.FAILED:
        yield Reason(kind=Due.FAILED_RUN, text=f"run {newest.run_id} failed: {newest.error}")


def _of_champion(champion: Mapping[str, str]) -> Iterator[Reason]:
    from components.core.registry import ERASED, RETRAIN

    if ERASED in champion:
        mended = f"; `{champion[RETRAIN]}` mends it" if RETRAIN in champion else ""
        text = f"the champion learned from what erasure {champion[ERASED]} took away{mended}"
        yield Reason(kind=Due.CHAMPION_ERASED, text=text)


def _of_drift(newest: RunStatus | None, champion: Mapping[str, str], home: Home) -> Iterator[Reason]:
    """Tell of drift that the champion was not trained on: one that was has nothing to learn from it."""
    if newest is None or not (lines := drift_of(newest)):
        return
    accepted = newest.stages["validate_data"].outputs["accepted"].digest
    if accepted != _learned_from(champion.get("desta.digest"), home):
        yield from (Reason(kind=Due.DRIFT, text=f"run {newest.run_id}: {line}") for line in lines)


def _learned_from(model: str | None, home: Home) -> str | None:
    """Return the digest of the accepted samples that a model was trained on, if the store has the model."""
    manifests = (read_manifest(folder) for folder in (home.store / "train_model").glob("[0-9a-f]*") if model)
    return next((each.lineage.inputs["accepted"] for each in manifests if each.digest == model), None)


def _champion(home: Home) -> Mapping[str, str]:
    """Return the tags of the registry's champion; none where there is none."""
    from components.core.registry import explaining, open_registry

    with explaining(home):
        try:
            registry = open_registry(home)
        except ConfigurationError:
            return {}
        champion = registry.champion
        return dict(registry.version(champion).tags) if champion else {}
