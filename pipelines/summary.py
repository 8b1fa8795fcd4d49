"""What a run came to, as text for people."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from components.core.home import current_home
from components.core.runs import State, log_file
from pipelines.bundle.sealing import FOLDER
from pipelines.cost.bill import cost_line
from pipelines.display import clock, rows
from pipelines.status import RunStatus, RunSummary, StageStatus


def summary_of(status: RunStatus, run_dir: Path) -> str:
    """Write rows, time, figures, gate, model and cost of a run, and where to look next."""
    parts = (
        *_stages(status),
        "",
        *_figures(status),
        *_drift(status),
        f"  cost              {cost_line(run_dir, current_home())}",
        *_places(status, run_dir),
    )
    return "\n".join([_head(status), "", *parts])


def _head(status: RunStatus) -> str:
    why = f": {status.error}" if status.error else ""
    return f"run {status.run_id} ({status.profile}) {status.state} after {clock(status.seconds)}{why}"


def _stages(status: RunStatus) -> Iterator[str]:
    for name, stage in status.stages.items():
        took = clock(stage.seconds) if stage.state != "pending" else ""
        yield f"  {name:<17} {_state(stage):<10} {took:>10}  {_rows(stage)}".rstrip()


def _state(stage: StageStatus) -> str:
    return "reused" if stage.reused and stage.state == State.SUCCEEDED else stage.state


def _rows(stage: StageStatus) -> str:
    if not stage.outputs:
        return stage.error or ""
    return rows(stage.rows_in, stage.rows_out, stage.refused, stage.increment)


def _figures(status: RunStatus) -> Iterator[str]:
    found = {name: value for name, value in status.metrics.items() if value is not None}
    if "audio_gain" in found:
        drop = 1 - found["ppl_trained"] / found["ppl_untrained"]
        yield (
            f"  perplexity        untrained {found['ppl_untrained']:.2f}, trained {found['ppl_trained']:.2f} "
            f"({drop:.0%} lower), with a wrong clip {found['ppl_wrong_clip']:.2f}"
        )
        low, high = found["audio_gain_low"], found["audio_gain_high"]
        yield f"  audio gain        {found['audio_gain']:.3f} nats a token, 95 % interval {low:.3f} to {high:.3f}"
    yield from _answers(found)
    if status.gate.passed is not None:
        yield f"  gate              {'passed' if status.gate.passed else 'refused: ' + '; '.join(status.gate.reasons)}"
    if status.model["name"]:
        digest = str(status.model["digest"])[:12]
        yield f"  model             {status.model['name']} version {status.model['version']} ({digest})"
    if status.champion["version"]:
        yield f"  champion          {_champion(status)}"


def _champion(status: RunStatus) -> str:
    """Say who was champion when the run had ended; `desta champion` says who is now."""
    version, reason = status.champion["version"], status.champion["reason"]
    if version == status.model["version"]:
        return f"{status.model['name']} version {version} ({reason})"
    return f"{status.model['name']} version {version} stays: {reason}"


def _answers(found: Mapping[str, float]) -> Iterator[str]:
    """Say what the model answers beside its baselines, where it was asked."""
    if "accuracy" in found:
        low, high = found["accuracy_over_untrained_low"], found["accuracy_over_untrained_high"]
        yield (
            f"  desta-sample      {found['accuracy']:.1%} right; untrained {found['accuracy_untrained']:.1%} "
            f"({found['accuracy_over_untrained']:+.1%}, 95 % interval {low:+.1%} to {high:+.1%}), "
            f"transcript alone {found['accuracy_cascade']:.1%}, description {found['accuracy_described']:.1%}"
        )
    if "accuracy_sound_and_music" in found:
        yield (
            f"  sound and music   {found['accuracy_sound_and_music']:.1%} right, "
            f"transcript alone {found['accuracy_sound_and_music_cascade']:.1%}"
        )
    if "text_accuracy" in found:
        before, after = found["text_accuracy_before"], found["text_accuracy"]
        yield f"  without audio     {before:.1%} of rules followed before training, {after:.1%} after"


def _drift(status: RunStatus) -> Iterator[str]:
    yield from (f"  drift             {line}" for line in drift_of(status))


def drift_of(status: RunStatus) -> list[str]:
    """Return what the validation of a run said of drift, a line for each figure beyond its limit."""
    places = [Path(output.path) for output in status.stages["validate_data"].outputs.values()]
    files = [file for place in places for file in place.rglob("drift.json")]
    return [str(line) for file in files for line in json.loads(file.read_bytes())["warnings"]]


def _places(status: RunStatus, run_dir: Path) -> Iterator[str]:
    validated = status.stages["validate_data"].outputs
    for output in validated.values():
        pages = sorted(Path(output.path).rglob("index.html"), key=lambda page: len(page.parts))
        if pages:
            yield f"  data docs         {pages[0]}"
    evaluated = status.stages["evaluate_model"].outputs
    for output in evaluated.values():
        page = Path(output.path) / "report.html"
        yield f"  evaluation        {page if page.is_file() else page.with_name('report.json')}"
    if status.mlflow_run_id:
        yield f"  MLflow            `desta ui`, run {status.mlflow_run_id}"
    if (run_dir / FOLDER).is_dir():
        yield f"  bundle            {run_dir / FOLDER}"
    yield f"  log               {log_file(run_dir)}"


def line_of(run: RunSummary) -> str:
    """Write a run in one line of the list."""
    trained, gain = run.metrics["ppl_trained"], run.metrics["audio_gain"]
    figures = "" if trained is None or gain is None else f"perplexity {trained:.2f}, audio gain {gain:.3f}"
    model = f"{run.model['name']} version {run.model['version']}" if run.model["name"] else ""
    what = f"{run.run_id}  {run.profile:<8} {run.state:<10} {clock(run.seconds):>10}"
    return f"{what}  {figures or run.error or ''}  {model}".rstrip()
