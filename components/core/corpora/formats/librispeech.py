"""LibriSpeech and what follows it: `<subset>/<speaker>/<chapter>/<id>.flac`, each chapter with a `.trans.txt`."""

from collections.abc import Iterator
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Split
from components.core.corpora.entries import Entry, file_entry, files_below, name_of
from components.core.corpora.policy import CorpusPolicy

_SUBSETS = {"train": Split.TRAIN, "dev": Split.VALIDATION, "test": Split.EVALUATION}
_GENDERS = {"F": "female", "M": "male"}


def read_librispeech(folder: Path, policy: CorpusPolicy) -> Iterator[Entry]:
    """Yield the utterances of all chapters; a subset's name tells its split, SPEAKERS.TXT the speaker's gender."""
    del policy
    genders = _genders(folder / "SPEAKERS.TXT")
    chapters = files_below(folder, ".trans.txt")
    if not chapters:
        raise SourceError(f"{folder}: no .trans.txt below it; want <speaker>/<chapter>/<speaker>-<chapter>.trans.txt")
    for chapter in chapters:
        yield from _utterances(folder, chapter, genders)


def _utterances(folder: Path, chapter: Path, genders: dict[str, str]) -> Iterator[Entry]:
    below = name_of(chapter.parent, folder)
    known = {"split": split} if (split := _split(below)) else {}
    for number, line in enumerate(_text(chapter).splitlines(), start=1):
        where = f"{chapter}, line {number}"
        name, _, transcript = line.partition(" ")
        parts = name.split("-")
        if len(parts) != 3 or not all(parts):
            raise SourceError(f"{where}: {name!r}: want <speaker>-<chapter>-<number>, then the words")
        cells = {"transcript": transcript, "speaker_id": f"librispeech/{parts[0]}", "gender": genders.get(parts[0], "")}
        source = {"source_id": f"librispeech/{parts[0]}-{parts[1]}"}
        yield file_entry(folder, f"{below}/{name}.flac", where, {**cells, **source, **known})


def _split(below: str) -> str | None:
    first = below.split("/", maxsplit=1)[0].split("-", maxsplit=1)[0]
    return _SUBSETS[first].value if first in _SUBSETS else None


def _genders(table: Path) -> dict[str, str]:
    """Return the speakers' genders from lines such as `14 | F | train-clean-360 | …`; comments begin with `;`."""
    if not table.is_file():
        return {}
    lines = (line.split("|") for line in _text(table).splitlines() if line.strip() and not line.startswith(";"))
    return {cells[0].strip(): _GENDERS.get(cells[1].strip(), "") for cells in lines if len(cells) > 1}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{file}: not UTF-8; save it as UTF-8") from error
