"""Lhotse manifests: `*recordings*.jsonl[.gz]` and `*supervisions*.jsonl[.gz]`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.core.contracts.errors import SourceError
from components.core.corpora.entries import Entry, file_entry, files_below
from components.core.corpora.policy import POLICY_FILE, CorpusPolicy
from components.core.corpora.tables import read_objects

_SUFFIXES = (".jsonl", ".jsonl.gz")


def read_lhotse(folder: Path, policy: CorpusPolicy) -> Iterator[Entry]:
    """Yield the stretches that supervisions describe, and whole recordings that have none."""
    manifests = files_below(folder, *_SUFFIXES)
    paths = dict(_recordings([file for file in manifests if "recordings" in file.name]))
    if not paths:
        raise SourceError(f"{folder}: no recordings; want *recordings*.jsonl or *recordings*.jsonl.gz in it")
    silent, channels = dict(paths), dict[str, str]()
    for manifest in (file for file in manifests if "supervisions" in file.name):
        for where, supervision in read_objects(manifest):
            recording = str(supervision.get("recording_id"))
            if recording not in paths:
                raise SourceError(f"{where}: recording_id {recording!r} is in no recordings manifest; add it")
            silent.pop(recording, None)
            channel = str(supervision.get("channel", 0))
            if policy.stretches == "apart" and (other := channels.setdefault(recording, channel)) != channel:
                raise SourceError(
                    f"{where}: recording_id {recording!r} has supervisions on channels {other} and {channel}, which a "
                    f"clip would mix; save each channel as a file, or write `stretches: together` in {POLICY_FILE}"
                )
            yield file_entry(folder, paths[recording][1], where, _cells(supervision, policy, where), channel)
    for where, path in silent.values():
        yield file_entry(folder, path, where, {})


def _recordings(manifests: list[Path]) -> Iterator[tuple[str, tuple[str, str]]]:
    for manifest in manifests:
        for where, recording in read_objects(manifest):
            yield str(recording.get("id")), (where, _file(recording.get("sources"), where))


def _file(sources: Any, where: str) -> str:
    match sources:
        case [{"type": "file", "source": str(path)}] if path:
            return path
    raise SourceError(f"{where}: want one source of type `file`, got {sources!a:.60}; save it as a file")


def _cells(supervision: dict[str, Any], policy: CorpusPolicy, where: str) -> dict[str, str]:
    """Return a supervision in standard columns; `gender` and what stands under `custom` are attributes."""
    speaker, custom = supervision.get("speaker"), supervision.get("custom") or {}
    if not isinstance(custom, dict):
        raise SourceError(f"{where}: `custom` wants an object {{…}}, got {custom!a:.60}; mend the line")
    known = {
        **{name: value for name, value in custom.items() if not isinstance(value, dict | list)},
        "transcript": supervision.get("text"),
        "language": supervision.get("language"),
        "speaker_id": f"{policy.name}/{speaker}" if speaker else None,
        "gender": supervision.get("gender"),
        "start_s": supervision.get("start"),
        "duration_s": supervision.get("duration"),
    }
    return {name: str(value) for name, value in known.items() if value is not None}
