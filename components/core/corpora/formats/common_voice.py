"""Mozilla Common Voice: `clips/` and tab-separated tables with a line for each clip.

`train.tsv`, `dev.tsv` and `test.tsv` are read where all three are there (they share no voice), else `validated.tsv`.
"""

from collections.abc import Iterator
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Split
from components.core.corpora.entries import Entry, file_entry
from components.core.corpora.policy import CorpusPolicy
from components.core.corpora.tables import read_delimited

_SPLITS = {"train.tsv": Split.TRAIN, "dev.tsv": Split.VALIDATION, "test.tsv": Split.EVALUATION}
_COLUMNS = {"sentence": "transcript", "client_id": "speaker_id", "locale": "language"}
_BOOKKEEPING = {"path", "up_votes", "down_votes", "sentence_id", "sentence_domain", "segment"}


def read_common_voice(folder: Path, policy: CorpusPolicy) -> Iterator[Entry]:
    """Yield the clips of the tables; age, gender, accents and variant are attributes."""
    del policy
    tables = {folder / name: split for name, split in _SPLITS.items()}
    if not all(table.is_file() for table in tables):
        if not (folder / "validated.tsv").is_file():
            raise SourceError(f"{folder}: want train.tsv, dev.tsv and test.tsv, or validated.tsv, beside clips/")
        yield from _clips(folder, folder / "validated.tsv", {})
        return
    for table, split in tables.items():
        yield from _clips(folder, table, {"split": split.value})


def _clips(folder: Path, table: Path, known: dict[str, str]) -> Iterator[Entry]:
    for row in read_delimited(table, "\t"):
        if "path" not in row.cells:
            raise SourceError(f"{row}: no column `path`; it has {', '.join(row.cells)}")
        cells = {_COLUMNS.get(name, name): cell for name, cell in row.cells.items() if name not in _BOOKKEEPING}
        yield file_entry(folder, f"clips/{row.cells['path']}", str(row), {**cells, **known})
