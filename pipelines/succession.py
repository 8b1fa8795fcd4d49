"""Whether the model of a run takes the champion's place: the policy decides, once the gate of its evaluation passed.

A person's word stands: what was replaced by hand only a hand brings back.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from components.core.contracts.artifacts import open_artifact, read_manifest
from components.core.contracts.errors import ContractError, ExitCode, SourceError
from components.core.home import Home
from components.core.registry import ERASED, EVALUATION, EVALUATION_RUN, Change, Decider, Registry
from components.core.runs import ModelVersion, Standing, log_file, read_failure, read_stage
from components.core.stages import stage_named
from pipelines.champion_changes import changing_champion
from pipelines.stage_command import log_stage_command

FOLDER = "champion"
"""Where a run keeps how its model compares with the champion."""
_STAGE = "evaluate_model"


def decide(model: ModelVersion, run_dir: Path, home: Home) -> Standing:
    """Let the policy decide whether the model of a run becomes champion, and return who is champion then.

    Raises:
        DestaError: the comparison failed.
    """
    with changing_champion(home) as registry:
        champion = registry.champion
        if champion == model.version:
            return Standing(version=champion, reason="the champion already")
        if champion is None:
            return _moved(registry, model, "the first model that passed the gate", run_dir)
        if by_hand := _replaced_by_hand(registry.history, model.version):
            why = f"version {model.version} was replaced by hand ({by_hand.reason})"
            return Standing(version=champion, reason=f"{why}; {_promote(model)}")
        with TemporaryDirectory() as scratch:
            report = _report_of(registry, champion, home, Path(scratch))
            if report is None:
                why = f"the report of version {champion} is neither in the store nor in MLflow"
                return Standing(version=champion, reason=f"{why}; {_promote(model)}")
            refusals = _refusals(report, champion, run_dir)
        if refusals:
            why = "; ".join((*refusals, *_erased_since(registry, champion, model)))
            return Standing(version=champion, reason=why, refusals=refusals)
        return _moved(registry, model, f"passed the policy beside version {champion}", run_dir)


def compare(champion_report: Path, name: str, run_dir: Path) -> int:
    """Compare the report of a run with the champion's, leave both side by side in its folder; return the exit code."""
    folders = {
        "report": _made_by(_STAGE, run_dir),
        "clips": _made_by("ingest_audio", run_dir),
        "champion": champion_report,
        "to": run_dir / FOLDER,
    }
    arguments = [f"--{word}={folder}" for word, folder in folders.items()]
    return log_stage_command("evaluate_model.compare", [*arguments, f"--name={name}"], run_dir)


def _refusals(champion_report: Path, champion: str, run_dir: Path) -> tuple[str, ...]:
    code = compare(champion_report, f"version {champion}", run_dir)
    if code == ExitCode.DONE:
        return ()
    if code == ExitCode.REFUSED:
        return _lines(run_dir / FOLDER / "comparison.json")
    failure = read_failure(run_dir)
    why = failure.error if failure and failure.exit_code == code else f"exit code {code}, see {log_file(run_dir)}"
    raise SourceError(f"the comparison with version {champion} failed: {why}")


def _lines(comparison: Path) -> tuple[str, ...]:
    try:
        if lines := json.loads(comparison.read_bytes())["refusals"]:
            return tuple(map(str, lines))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{comparison}: is no comparison: {error}") from error
    raise ContractError(f"{comparison}: names no line of the policy, though one was missed")


def _erased_since(registry: Registry, champion: str, model: ModelVersion) -> tuple[str, ...]:
    """Say what a better figure does not: the champion learned from what was taken away since."""
    erasure = registry.version(champion).tags.get(ERASED)
    return (f"it learned from what erasure {erasure} took away; {_promote(model)}",) if erasure else ()


def _moved(registry: Registry, model: ModelVersion, reason: str, run_dir: Path) -> Standing:
    registry.move(model.version, reason, Decider.POLICY, run_id=run_dir.name)
    return Standing(version=model.version, reason=reason)


def _replaced_by_hand(history: Iterable[Change], version: str) -> Change | None:
    about = [change for change in history if version in {change.version, change.previous}]
    last = about[-1] if about else None
    return last if last and last.previous == version and last.by is Decider.HAND else None


def _promote(model: ModelVersion) -> str:
    return f"`desta promote {model.version} --reason TEXT` makes it champion by hand"


def _made_by(stage: str, run_dir: Path) -> Path:
    record = read_stage(run_dir, stage)
    if record is None:
        raise ContractError(f"{run_dir}: has no record of {stage}")
    return Path(record.outputs[stage_named(stage).output].path)


def _report_of(registry: Registry, version: str, home: Home, scratch: Path) -> Path | None:
    """Return a version's report, from the store or else from MLflow; `None` where neither has it whole."""
    tags = registry.version(version).tags
    stored = (file.parent for file in (home.store / _STAGE).glob("[!.]*/manifest.json"))
    if found := next((folder for folder in stored if _holds(folder, tags.get(EVALUATION))), None):
        return found
    if run_id := tags.get(EVALUATION_RUN):
        folder = registry.download(run_id, scratch)
        if _holds(folder, tags.get(EVALUATION)):
            return folder
    return None


def _holds(folder: Path, digest: str | None) -> bool:
    """Tell whether a folder is this very report, to the byte."""
    try:
        return read_manifest(folder).digest == digest and bool(open_artifact(folder, stage_named(_STAGE).output))
    except ContractError:
        return False
