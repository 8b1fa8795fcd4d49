"""What a run used, from its records alone: audio, tokens, device hours, bytes; what was reused cost nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import MANIFEST, read_manifest
from components.core.contracts.records import Record
from components.core.runs import Output, StageRecord, metrics_file, read_stage
from components.core.stages import STAGES
from pipelines.cost.devices import Devices, devices_held, hours_by_device
from pipelines.status import StageStatus, status_of

_HOUR_S = 3600


class StageUsage(Record):
    """What one stage used in this run; a count is `None` where it is not known or the stage has none."""

    stage: str
    devices: Devices | None
    reused: bool
    seconds: float
    device_hours: float | None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    trained_tokens: int | None = None
    bytes_stored: int | None = None


class Usage(Record):
    """What a run used; its device hours are those of all devices that a stage held, busy or not."""

    run_id: str
    state: str
    audio_hours: float | None
    stages: tuple[StageUsage, ...]

    @property
    def device_hours(self) -> dict[str, float] | None:
        """Hours of all stages by the names of their devices, or `None` where those of one are not known."""
        hours = [(stage.devices, stage.device_hours) for stage in self.stages if not stage.reused]
        return None if any(each is None for _, each in hours) else hours_by_device(hours)

    @property
    def tokens(self) -> int:
        """Tokens that were read, written and trained on."""
        counts = ((stage.prompt_tokens, stage.output_tokens, stage.trained_tokens) for stage in self.stages)
        return sum(count or 0 for each in counts for count in each)

    @property
    def bytes_stored(self) -> int:
        """Bytes that this run added to the store, and that are still there."""
        return sum(stage.bytes_stored or 0 for stage in self.stages)


def summed(values: Any) -> float | None:
    """Return the sum, or `None` where one of the values is not known."""
    found = list(values)
    return None if None in found else float(sum(found))


def usage_of(run_dir: Path) -> Usage:
    """Return what a run used so far, or in all when it has ended.

    Raises:
        ContractError: a record of it is damaged.
    """
    status, held = status_of(run_dir), devices_held(run_dir)
    records = {stage.name: record for stage in STAGES if (record := read_stage(run_dir, stage.name))}
    stages = (_stage(record, status.stages[name], held.get(name), run_dir) for name, record in records.items())
    ingested = records.get("ingest_audio")
    return Usage(
        run_id=status.run_id,
        state=status.state,
        audio_hours=audio_hours_of(ingested.facts) if ingested and ingested.outputs else None,
        stages=tuple(stages),
    )


def device_hours_of(seconds: float, devices: Devices) -> float:
    """Return the device hours of a stage that took so long."""
    return seconds * devices.count / _HOUR_S


def audio_hours_of(facts: Mapping[str, Any]) -> float:
    """Return the hours of the clips that a result of `ingest_audio` holds."""
    seconds = (split["seconds"] for splits in facts.get("domains", {}).values() for split in splits.values())
    return float(sum(seconds)) / _HOUR_S


def steps_of(run_dir: Path) -> list[dict[str, Any]]:
    """Return what training wrote of each step that it took in this run; a line that is being written waits."""
    file = metrics_file(run_dir, "train_model")
    lines = file.read_text("utf-8").rpartition("\n")[0].splitlines() if file.is_file() else []
    return [step for step in map(json.loads, lines) if "tokens_per_s" in step]


def bytes_of(output: Output) -> int | None:
    """Return the bytes of a result, or `None` where it is not here any more."""
    folder = Path(output.path)
    if not (folder / MANIFEST).is_file():
        return None
    manifest = read_manifest(folder)
    return sum(entry.bytes for entry in (*manifest.files, *manifest.attachments))


def _stage(record: StageRecord, status: StageStatus, devices: Devices | None, run_dir: Path) -> StageUsage:
    name = record.stage
    if record.reused:
        return StageUsage(stage=name, devices=devices, reused=True, seconds=status.seconds, device_hours=0.0)
    sizes = [bytes_of(output) for output in record.outputs.values()]
    return StageUsage(
        stage=name,
        devices=devices,
        reused=False,
        seconds=status.seconds,
        device_hours=device_hours_of(status.seconds, devices) if devices else None,
        prompt_tokens=_made(record, "prompt_tokens"),
        output_tokens=_made(record, "response_tokens"),
        trained_tokens=_trained(run_dir) if name == "train_model" else None,
        bytes_stored=sum(size or 0 for size in sizes) if sizes else None,
    )


def _made(record: StageRecord, fact: str) -> int | None:
    """Return the tokens of the answers that this run made; of those it found, by their share of the answers."""
    if fact not in record.facts:
        return None
    counted, done = int(record.facts[fact]), record.increment
    return counted if done is None else round(counted * done.made / max(1, done.found + done.made))


def _trained(run_dir: Path) -> int:
    return round(sum(float(step["tokens_per_s"]) * float(step["seconds"]) for step in steps_of(run_dir)))
