"""All that an evaluation found: as the stage has it at hand, or as it is read back from a finished report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ConfigurationError, ContractError, SourceError
from components.core.contracts.records import Answer, Record
from components.core.settings import checked
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry
from components.evaluate_model.benchmarks.desta_sample import DESTA_SAMPLE
from components.evaluate_model.benchmarks.desta_text import DESTA_TEXT
from components.evaluate_model.benchmarks.scoring import RESULT, Result, read_items
from components.evaluate_model.report import AFTER, BASELINES, BEFORE, TRAINED, Report
from components.evaluate_model.settings import EvaluateModelSettings

_MEND = "evaluate the model again"

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that is to be told of an evaluation.

    `model` is the digest of what was measured. `questions` are about clips and `texts` have no audio; `on_sample` and
    `on_text` are what each system's answers to them are worth, and empty where nothing was asked.
    """

    model: str
    report: Report
    refusals: tuple[str, ...]
    settings: EvaluateModelSettings
    answers: Sequence[Answer]
    questions: Mapping[str, Entry]
    on_sample: Mapping[str, Result]
    texts: Mapping[str, Entry]
    on_text: Mapping[str, Result]


def read_findings(report: Artifact) -> Findings:
    """Read back what an evaluation found.

    Raises:
        ContractError: a file is missing or damaged, or the report is of another version of this stage.
    """
    manifest, folder = report.manifest, report.folder
    if "refusals" not in manifest.facts:
        raise ContractError(f"{folder}: does not say whether the gate was passed; {_MEND}")
    questions, on_sample = _asked(DESTA_SAMPLE, folder, (TRAINED, *BASELINES))
    texts, on_text = _asked(DESTA_TEXT, folder, (BEFORE, AFTER))
    return Findings(
        model=manifest.lineage.inputs.get("model", ""),
        report=_record(folder / "report.json", Report),
        refusals=tuple(map(str, manifest.facts["refusals"])),
        settings=_settings(report),
        answers=tuple(report.read(Answer)),
        questions=questions,
        on_sample=on_sample,
        texts=texts,
        on_text=on_text,
    )


def _settings(report: Artifact) -> EvaluateModelSettings:
    try:
        return checked("evaluate_model", EvaluateModelSettings, report.manifest.lineage.settings)
    except ConfigurationError as error:
        raise ContractError(f"{report.folder}: was made with other settings: {error}; {_MEND}") from error


def _asked(benchmark: Benchmark, folder: Path, systems: Iterable[str]) -> tuple[dict[str, Entry], dict[str, Result]]:
    """Return the items of a benchmark, of which a system's own file has those that it answered, and the results.

    An evaluation that asked none has no folder for them.
    """
    entries: dict[str, Entry] = {}
    results: dict[str, Result] = {}
    for system in systems if (folder / benchmark.name).is_dir() else ():
        place = folder / benchmark.name / system
        results[system] = _record(place / RESULT, Result)
        try:
            entries |= read_items(benchmark, place)
        except SourceError as error:
            raise ContractError(f"{error}; {_MEND}") from error
        if strange := next((mark.item_id for mark in results[system].marks if mark.item_id not in entries), None):
            raise ContractError(f"{place}: item {strange!r} has a mark and is in no file; {_MEND}")
    return entries, results


def _record(file: Path, record: type[R]) -> R:
    try:
        return record.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ContractError(f"{file}: cannot be read: {error.strerror}; {_MEND}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ContractError(f"{file}: no {record.__name__}: {where}: {first['msg']}; {_MEND}") from error
