"""The training files of the upstream DeSTA2.5-Audio code: conversations that name audio files below a data root.

Only the audio and its transcript are taken: answers are generated again, by the backbone that will be trained.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.core.contracts.errors import SourceError
from components.core.corpora.entries import Entry, file_entry
from components.core.corpora.policy import CorpusPolicy
from components.core.corpora.tables import read_objects


def read_upstream(folder: Path, policy: CorpusPolicy) -> Iterator[Entry]:
    """Yield each audio once, where it is named first."""
    del policy
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise SourceError(f"{folder}: no .jsonl in it; want upstream's training file beside its audio")
    seen: set[str] = set()
    for file in files:
        for where, row in read_objects(file):
            for audio in _audios(row, where):
                if audio["audio"] not in seen:
                    seen.add(audio["audio"])
                    yield file_entry(
                        folder, audio["audio"], where, {"transcript": str(audio.get("text") or "").strip()}
                    )


def _audios(row: dict[str, Any], where: str) -> list[dict[str, Any]]:
    messages = row.get("messages")
    if not isinstance(messages, list):
        raise SourceError(f"{where}: no list of `messages`; want upstream's training file")
    return [audio for message in messages for audio in _named(message, where)]


def _named(message: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(message, dict):
        raise SourceError(f"{where}: `messages` want objects, got {message!a:.60}; mend the line")
    audios = message.get("audios") or []
    if not isinstance(audios, list) or not all(isinstance(one, dict) and _path(one) for one in audios):
        raise SourceError(f"{where}: `audios` want objects with an `audio` path, got {audios!a:.60}")
    return audios


def _path(audio: dict[str, Any]) -> bool:
    return isinstance(audio.get("audio"), str)
