"""The files of VoiceBench: which subset one is about, and a name for each of its rows.

The official files are called `<model>-<subset>-<split>-<modality>.jsonl`, with `result-` before it where a judge has
been through it; `<subset>-<split>.jsonl` and `<subset>.jsonl` are read, too.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.digests import digest_of_bytes
from components.evaluate_model.benchmarks.rows import Row, read_rows

OPEN = ("alpacaeval", "alpacaeval_full", "commoneval", "wildvoice")
SUBSETS = (*OPEN, "sd-qa", "mmsu", "openbookqa", "ifeval", "bbh", "advbench")
_NAME = re.compile(rf"(?:.*-)?(?P<subset>{'|'.join(SUBSETS)})(?:-(?P<split>[a-z_]+?))??(?:-(?:audio|text|ttft))?")


def subset_of(file: Path) -> tuple[str, str] | None:
    """Return the subset and the split that the name of a file tells, if it tells any."""
    found = _NAME.fullmatch(file.stem) if file.suffix == ".jsonl" else None
    return (found["subset"], found["split"] or "test") if found else None


def rows_of(file: Path) -> Iterator[Row]:
    """Yield the rows of a file, those of a known subset with a key of subset, split and a name.

    Raises:
        SourceError: the file cannot be read, or is not of its form.
    """
    rows, found = read_rows(file), subset_of(file)
    return rows if found is None else _named(rows, *found)


def _named(rows: Iterator[Row], subset: str, split: str) -> Iterator[Row]:
    """Name rows by their `id` or `key`, or else by what is asked; what is asked twice is told apart by its count."""
    seen: Counter[str] = Counter()
    for row in rows:
        name = _identifier(row)
        if name is None:
            name = digest_of_bytes(row.text("prompt").encode())[:16]
            seen[name] += 1
            name = f"{name}.{seen[name]}" if seen[name] > 1 else name
        yield replace(row, key=f"{subset}/{split}/{name}")


def _identifier(row: Row) -> str | None:
    found = row.values.get("id", row.values.get("key"))
    if isinstance(found, bool) or not isinstance(found, str | int | None) or found == "":
        raise SourceError(f"{row.where}: 'id' or 'key' is no text or whole number but {found!r}")
    return None if found is None else str(found)


def place_of(row: Row) -> tuple[str, str]:
    """Return the subset and the split of a row that `rows_of` has named.

    Raises:
        SourceError: it has no name, since its file's name tells no subset.
    """
    subset, _, rest = row.key.partition("/")
    if subset not in SUBSETS or "/" not in rest:
        raise SourceError(
            f"{row.where}: the name of the file tells no subset; want <model>-<subset>-<split>-<modality>.jsonl, "
            f"with a subset of {', '.join(SUBSETS)}"
        )
    return subset, rest.partition("/")[0]


def files(folder: Path) -> Sequence[Path]:
    """Return the files in a folder whose names tell a subset.

    Raises:
        SourceError: there is none.
    """
    found = sorted(file for file in folder.glob("*.jsonl") if subset_of(file))
    if not found:
        raise SourceError(f"{folder}: has no <subset>-<split>.jsonl with a subset of {', '.join(SUBSETS)}")
    return found
