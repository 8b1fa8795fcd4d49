"""Rates that runs measured: device time and bytes for each unit of a stage's work, by devices and models."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from pydantic import Field

from components.core.contracts.records import Record
from components.core.home import Home
from components.core.runs import RunRecord, StageRecord, State, passing_over, read_run, read_stage, run_dirs
from components.core.stages import STAGES
from pipelines.cost.devices import Devices, devices_held
from pipelines.cost.usage import audio_hours_of, bytes_of, device_hours_of, steps_of

UNITS = {
    "ingest_audio": "audio hours",
    "extract_metadata": "audio hours",
    "self_generate": "answers",
    "validate_data": "samples",
    "train_model": "samples trained on",
    "evaluate_model": "held-out samples",
}

ONE_SIZE = ("train_model", "evaluate_model")
"""Stages whose results do not grow with the data."""


class Measured(Record):
    """What a stage of one run did: so many units in so many device hours, and what its result takes for each.

    A result that was reused has no device hours. A model and a report are of one size, however much they were made of.
    """

    run_id: str
    stage: str
    units: float = Field(gt=0)
    device_hours: float | None
    bytes_a_unit: float | None
    devices: Devices | None
    models: tuple[str, ...]


class Rate(Record):
    """Device hours for a unit: the median of some runs, the least and the greatest of them, and who says so."""

    stage: str
    devices: Devices
    hours: float
    least: float
    greatest: float
    source: str


Stages = Mapping[str, StageRecord]


def measured_in(home: Home) -> list[Measured]:
    """Return what all runs of a home measured, the newest first; a damaged run is passed over with a line."""
    return [each for found in passing_over(run_dirs(home.runs), measured_by) for each in found]


def measured_by(run_dir: Path) -> list[Measured]:
    """Return what one run measured.

    Raises:
        ContractError: a record of it is damaged.
    """
    run, held = read_run(run_dir), devices_held(run_dir)
    records = {stage.name: record for stage in STAGES if (record := read_stage(run_dir, stage.name))}
    return list(_measured(run, held, records, run_dir))


def rate_of(stage: str, found: Sequence[Measured], wanted: Devices | None) -> Rate | None:
    """Return the rate of a stage on devices of a kind, on the newest run's without one; `None` where none is known."""
    timed = [
        (each.devices, each.device_hours / each.units)
        for each in found
        if each.stage == stage and each.devices and each.device_hours and (not wanted or each.devices.same_kind(wanted))
    ]
    if not timed:
        return None
    devices, _ = timed[0]
    hours = [a_unit for on, a_unit in timed if on.same_kind(devices)]
    runs = f"{len(hours)} runs" if len(hours) > 1 else "one run, so its spread is not known,"
    return Rate(
        stage=stage,
        devices=devices,
        hours=median(hours),
        least=min(hours),
        greatest=max(hours),
        source=f"measured by {runs} on {devices}",
    )


def bytes_a_unit(stage: str, found: Sequence[Measured]) -> float | None:
    """Return the bytes that a unit leaves in the store, the median of what is known."""
    sizes = [each.bytes_a_unit for each in found if each.stage == stage and each.bytes_a_unit is not None]
    return median(sizes) if sizes else None


def models_of(run: RunRecord) -> tuple[str, ...]:
    """Return the models of a run by their references, which its rates depend on."""
    return tuple(str(run.parameters.get(name, "")) for name in ("encoder", "llm"))


def _measured(run: RunRecord, held: Mapping[str, Devices], records: Stages, run_dir: Path) -> Iterator[Measured]:
    for name, record in records.items():
        units = _units(record, records, run_dir) if record.state is State.SUCCEEDED else None
        if units:
            yield Measured(
                run_id=run.run_id,
                stage=name,
                units=units,
                device_hours=None if _by_servers(name, run) else _device_hours(record, held.get(name)),
                bytes_a_unit=_bytes_a_unit(record, units),
                devices=held.get(name),
                models=models_of(run),
            )


def _bytes_a_unit(record: StageRecord, units: float) -> float | None:
    size = next((bytes_of(output) for output in record.outputs.values()), None)
    in_result = 1 if record.stage in ONE_SIZE else record.rows_out if record.stage == "self_generate" else units
    return None if size is None or not in_result else size / in_result


def _by_servers(stage: str, run: RunRecord) -> bool:
    """Tell whether servers computed for a stage: what it held itself says nothing of its rate."""
    return stage == "self_generate" and bool(run.parameters.get("self_generate_settings", {}).get("server"))


def _device_hours(record: StageRecord, devices: Devices | None) -> float | None:
    return None if record.reused or devices is None else device_hours_of(record.seconds, devices)


def _units(record: StageRecord, records: Stages, run_dir: Path) -> float | None:
    """Return how much a stage did in this run, in its unit."""
    match record.stage:
        case "ingest_audio" | "extract_metadata":
            ingested = records.get("ingest_audio")
            return audio_hours_of(ingested.facts) if ingested else None
        case "self_generate":
            return record.increment.made if record.increment else record.rows_out
        case "train_model":
            return sum(int(step["samples"]) for step in steps_of(run_dir)) or record.rows_in
        case _:
            return record.rows_in
