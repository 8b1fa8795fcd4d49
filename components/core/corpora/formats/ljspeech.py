"""LJSpeech and what follows it: `wavs/<id>.wav`, and lines `id|text` or `id|text|normalised text` in `metadata.csv`."""

from collections.abc import Iterator
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.corpora.entries import Entry, file_entry
from components.core.corpora.policy import CorpusPolicy
from components.core.corpora.tables import read_delimited


def read_ljspeech(folder: Path, policy: CorpusPolicy) -> Iterator[Entry]:
    """Yield the recordings of the table with the text as it was written; one voice, one speaker."""
    table = folder / "metadata.csv"
    if not table.is_file():
        raise SourceError(f"{folder}: no metadata.csv beside wavs/; want lines `id|text|normalised text`")
    with table.open(encoding="utf-8-sig", errors="replace") as file:
        columns = ("id", "transcript", "normalised")[: file.readline().count("|") + 1]
    for row in read_delimited(table, "|", columns):
        cells = {"transcript": row.cells.get("transcript", ""), "speaker_id": policy.name}
        yield file_entry(folder, f"wavs/{row.cells['id']}.wav", str(row), cells)
