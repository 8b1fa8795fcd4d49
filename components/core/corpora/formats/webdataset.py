"""WebDataset shards: tar files whose members share a name before the first dot, one of them audio."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.corpora.entries import AUDIO_SUFFIXES, Entry, files_below, name_of, printable
from components.core.corpora.policy import CorpusPolicy

_TEXTS = {"txt": "transcript", "text": "transcript", "transcript": "transcript", "cls": "label"}


@dataclass(frozen=True)
class TarMember:
    """A file inside an uncompressed tar, by its place in it."""

    tar: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """Return the bytes of the member; OSError where the tar cannot be read."""
        with self.tar.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


def read_webdataset(folder: Path, policy: CorpusPolicy) -> Iterator[Entry]:
    """Yield the audio of all shards; `.txt` is its transcript, the fields of `.json` are columns."""
    del policy
    shards = files_below(folder, ".tar")
    if not shards:
        raise SourceError(f"{folder}: no .tar below it; put the shards there, uncompressed")
    for shard in shards:
        try:
            yield from _entries(folder, shard)
        except (tarfile.TarError, EOFError) as error:
            raise SourceError(f"{shard}: not a tar file, or cut off: {error}; fetch it again") from error


def _entries(folder: Path, shard: Path) -> Iterator[Entry]:
    with tarfile.open(shard, "r:") as tar:
        files = (member for member in tar if member.isfile())
        for key, group in groupby(files, key=lambda member: _key(member.name)):
            cells: dict[str, str] = {}
            audios: list[tarfile.TarInfo] = []
            for member in group:
                where = f"{shard}: {member.name}"
                if Path(member.name).suffix.lower() in AUDIO_SUFFIXES:
                    audios.append(member)
                else:
                    cells |= _cells(shard, member, where)
            if len(audios) > 1:
                raise SourceError(f"{shard}: {key!r} has {len(audios)} audio files; keep one")
            for audio in audios:
                member_of = TarMember(shard, audio.offset_data, audio.size)
                name = printable(audio.name)
                where, path = f"{shard}: {name}", f"{name_of(shard, folder)}/{name}"
                yield Entry(where=where, file=shard, name=path, member=member_of, cells=cells)


def _key(name: str) -> str:
    folder, _, file = name.rpartition("/")
    return f"{folder}/{file.split('.', 1)[0]}"


def _cells(shard: Path, member: tarfile.TarInfo, where: str) -> dict[str, str]:
    suffix = Path(member.name).suffix.lower().lstrip(".")
    if not (column := _TEXTS.get(suffix)) and suffix != "json":
        return {}
    data = TarMember(shard, member.offset_data, member.size).read()
    try:
        text = data.decode("utf-8")
        if column:
            return {column: text.strip()}
        fields = json.loads(text)
    except ValueError as error:
        raise SourceError(f"{where}: not {'JSON' if suffix == 'json' else 'UTF-8'}: {error}; mend it") from error
    if not isinstance(fields, dict):
        raise SourceError(f"{where}: want a JSON object, got {text[:60]!r}")
    return {
        _TEXTS.get(str(name), str(name)): str(value)
        for name, value in fields.items()
        if value is not None and not isinstance(value, dict | list)
    }
