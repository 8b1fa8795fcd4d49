"""Lhotse manifests: `*recordings*.jsonl[.gz]` and `*supervisions*.jsonl[.gz]`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.core.contracts.errors import SourceError
from components.core.corpora.entries import Entry, file_entry, files_below
from components.core.corpora.policy import CorpusPolicy
from components.core.corpora.tables import read_objects

_SUFFIXES = (".jsonl", ".jsonl.gz")


def read_lhotse(folder: Path, policy: CorpusPolicy) -> Iterator[Entry]:
    """Yield the stretches that supervisions describe, and whole recordings that have none."""
    manifests = files_below(folder, *_SUFFIXES)
    paths = dict(_recordings([file for file in manifests if "recordings" in file.name]))
    if not paths:
        raise SourceError(f"{folder}: no recordings; want *recordings*.jsonl or *recordings*.jsonl.gz in it")
    silent = dict(paths)
    for manifest in (file for file in manifests if "supervisions" in file.name):
        for where, supervision in read_objects(manifest):
            recording = str(supervision.get("recording_id"))
            if recording not in paths:
                raise SourceError(f"{where}: recording_id {recording!r} is in no recordings manifest; add it")
            silent.pop(recording, None)
            yield file_entry(folder, paths[recording][1], where, _cells(supervision, policy))
    for where, path in silent.values():
        yield file_entry(folder, path, where, {})


def _recordings(manifests: list[Path]) -> Iterator[tuple[str, tuple[str, str]]]:
    for manifest in manifests:
        for where, recording in read_objects(manifest):
            sources = recording.get("sources") or [{}]
            if len(sources) != 1 or sources[0].get("type") != "file" or not sources[0].get("source"):
                raise SourceError(
                    f"{where}: want one source of type `file`, got {str(sources)[:60]}; save it as a file"
                )
            yield str(recording.get("id")), (where, str(sources[0]["source"]))


def _cells(supervision: dict[str, Any], policy: CorpusPolicy) -> dict[str, str]:
    """Return a supervision in standard columns; `gender` and what stands under `custom` are attributes."""
    speaker = supervision.get("speaker")
    known = {
        **{
            name: value
            for name, value in (supervision.get("custom") or {}).items()
            if not isinstance(value, dict | list)
        },
        "transcript": supervision.get("text"),
        "language": supervision.get("language"),
        "speaker_id": f"{policy.name}/{speaker}" if speaker else None,
        "gender": supervision.get("gender"),
        "start_s": supervision.get("start"),
        "duration_s": supervision.get("duration"),
    }
    return {name: str(value) for name, value in known.items() if value is not None}
