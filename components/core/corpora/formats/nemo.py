"""NeMo manifests: JSON lines with `audio_filepath`, and where known `text`, `offset`, `duration`, `lang`, `speaker`."""

from collections.abc import Iterator
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.corpora.entries import Entry, file_entry
from components.core.corpora.policy import CorpusPolicy
from components.core.corpora.tables import TableRow, read_jsonl

_COLUMNS = {
    "text": "transcript",
    "offset": "start_s",
    "duration": "duration_s",
    "lang": "language",
    "source_lang": "language",
    "speaker": "speaker_id",
}
_LEFT_OUT = {"audio_filepath", "pred_text", "taskname", "pnc", "answer", "target_lang"}


def read_nemo(folder: Path, policy: CorpusPolicy) -> Iterator[Entry]:
    """Yield the stretches that all manifests of the folder name; other fields are attributes."""
    manifests = sorted(file for file in folder.iterdir() if file.suffix in {".json", ".jsonl"})
    if not manifests:
        raise SourceError(f"{folder}: no .json or .jsonl manifest in it; want one with `audio_filepath` on each line")
    for manifest in manifests:
        for row in read_jsonl(manifest):
            if "audio_filepath" not in row.cells:
                raise SourceError(f"{row}: no `audio_filepath`; it has {', '.join(row.cells) or 'none'}")
            yield file_entry(folder, row.cells["audio_filepath"], str(row), _cells(row, policy))


def _cells(row: TableRow, policy: CorpusPolicy) -> dict[str, str]:
    cells = {name: cell for name, cell in row.cells.items() if name not in _LEFT_OUT}
    # A duration alone is the length of the whole file, which the file tells better; unless others follow.
    if policy.stretches == "apart" and not cells.get("offset", "").strip("0."):
        cells.pop("duration", None)
    return {_COLUMNS.get(name, name): cell for name, cell in cells.items()}
