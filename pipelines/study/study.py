"""Train and measure every condition of a study on the accepted samples of a run; what is there is not done again."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.runs import passing_over, read_run, read_stage, run_dirs
from components.core.settings import as_flags
from pipelines.stage_command import run_stage_command
from pipelines.status import run_dir_of
from pipelines.study.conditions import Condition, Study
from pipelines.study.findings import Failure, Finding, finding_of, write_findings

# Likelihoods alone: what a condition has learned to hear shows in them first, and they take the least time.
_MEASURING = {"answers": 0, "questions": 0, "text_questions": 0}


@dataclass(frozen=True, kw_only=True)
class Material:
    """What all conditions are trained on and measured with, as flags of the stages."""

    accepted: str
    clips: str
    encoder: str
    llm: str

    @property
    def flags(self) -> list[str]:
        """The flags that train_model and evaluate_model have in common."""
        return [f"--{name}={value}" for name, value in vars(self).items()]


def material_of(home: Home, run_id: str | None) -> Material:
    """Return the material of a run; without an id of the newest one that came to accept samples.

    Raises:
        ConfigurationError: there is no such run, or it has no accepted samples.
    """
    found = [_material(run_dir_of(home, run_id))] if run_id else passing_over(run_dirs(home.runs), _material)
    for material in filter(None, found):
        return material
    what = f"run {run_id}: validate_data has not finished in it" if run_id else "no run has come to accept samples"
    raise ConfigurationError(f"{home.runs}: {what}; `desta runs` lists what has been run")


def _material(run_dir: Path) -> Material | None:
    made = {stage: read_stage(run_dir, stage) for stage in ("validate_data", "ingest_audio")}
    outputs = {word: out.path for record in made.values() if record for word, out in record.outputs.items()}
    if not {"accepted", "clips"} <= outputs.keys():
        return None
    models = read_run(run_dir).parameters
    return Material(accepted=outputs["accepted"], clips=outputs["clips"], encoder=models["encoder"], llm=models["llm"])


def conduct(study: Study, material: Material, folder: Path) -> tuple[Sequence[Finding], Sequence[Failure]]:
    """Train and measure condition by condition; `folder` has the findings after each of them."""
    findings: list[Finding] = []
    failures: list[Failure] = []
    for number, condition in enumerate(study.conditions, 1):
        print(f"study: {number} of {len(study.conditions)}: {condition.name}", file=sys.stderr, flush=True)
        found = _examine(study, condition, material, folder / _folder_name(number, condition.name))
        findings.extend([found] if isinstance(found, Finding) else [])
        failures.extend([found] if isinstance(found, Failure) else [])
        write_findings(folder, findings, failures)
    return findings, failures


def _examine(study: Study, condition: Condition, material: Material, place: Path) -> Finding | Failure:
    model, report = place / "model", place / "report"
    settings = study.settings(condition).model_dump(mode="json")
    commands: Mapping[str, list[Any]] = {
        "train_model": [*material.flags, f"--model={model}", *as_flags(settings)],
        "evaluate_model": [*material.flags, f"--model={model}", f"--report={report}", *as_flags(_MEASURING)],
    }
    for stage, flags in commands.items():
        if code := run_stage_command(stage, flags):
            return Failure(condition=condition.name, changes=condition.set, error=f"{stage} ended with code {code}")
    return finding_of(condition.name, condition.set, model, report)


def _folder_name(number: int, name: str) -> str:
    return f"{number:02}-{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}"
