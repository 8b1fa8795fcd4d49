"""The files of Dynamic-SUPERB: instances as folders, and a prediction file for each of them.

An instance is a folder with `metadata.json`, whose keys are the names of audio files, and mostly `instance.json`, which
names its metrics. It is known by the name of its folder, as prediction files are: `<instance>.json` with
`{file name: {instruction, label, prediction}}`, or `<instance>.csv` with the columns `file_name` and `prediction`,
which needs the items beside it. An item's further audio files are those that its row names as `audio2`, `audio3` and so
on, or that lie beside the first with `_pair`, `_pair2`, `_pair3` and so on behind its name.
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.benchmark import Entry
from components.evaluate_model.benchmarks.records import Item
from components.evaluate_model.benchmarks.rows import Row, read_json, read_rows

METADATA, INSTANCE = "metadata.json", "instance.json"
ENDINGS = (".json", ".csv", ".jsonl", ".ndjson")
COLUMNS = ("file_name", "prediction")
_PAIR = re.compile(r"(?P<stem>.+)_pair(?P<number>\d*)\.(?:wav|flac)")
_FURTHER = re.compile(r"audio(\d+)")


def files(folder: Path) -> Sequence[Path]:
    """Return the `metadata.json` of each instance in a folder.

    Raises:
        SourceError: there is none.
    """
    found = sorted(folder.glob(f"*/{METADATA}"))
    if not found:
        raise SourceError(f"{folder}: has no <instance>/{METADATA}; name the folder that holds the instances' folders")
    return found


def rows_of(file: Path) -> Iterator[Row]:
    """Yield the rows of a `metadata.json` or of a prediction file, each with its instance, its metrics and its pairs.

    Raises:
        SourceError: the file cannot be read, or is not of its form.
    """
    if file.suffix == ".csv":
        yield from _csv_rows(file)
        return
    official = file.name == METADATA
    instance = file.absolute().parent.name if official else file.stem
    metrics = metrics_in(file.with_name(INSTANCE)) if official else ()
    pairs = _pairs_beside(file) if official else {}
    for row in read_rows(file):
        added = {"metrics": list(metrics), "pairs": pairs.get(PurePosixPath(row.key).stem)}
        given = {name: value for name, value in added.items() if value}
        yield replace(row, values={**row.values, **given, "instance": instance}) if row.key else row


def metrics_in(file: Path) -> tuple[str, ...]:
    """Return the metrics that an `instance.json` names; without the file there are none.

    Raises:
        SourceError: it cannot be read, or is not of its form.
    """
    if not file.is_file():
        return ()
    found = read_json(file)
    if not isinstance(found, dict):
        raise SourceError(f"{file}: want an object, got {type(found).__name__}")
    return Row(str(file), found).texts("metrics")


def _pairs_beside(file: Path) -> Mapping[str, list[str]]:
    """Return the names of the further audio files in a folder, in their order, by the stem of the first one."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for beside in file.parent.iterdir():
        if pair := _PAIR.fullmatch(beside.name):
            found[pair["stem"]].append((int(pair["number"] or 2), beside.name))
    return {stem: [name for _, name in sorted(names)] for stem, names in found.items()}


def _csv_rows(file: Path) -> Iterator[Row]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            yield from _predictions_in(file, csv.DictReader(stream, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{file}: cannot be read as CSV: {error}") from error


def _predictions_in(file: Path, reader: "csv.DictReader[str]") -> Iterator[Row]:
    """Yield predictions in the form that every benchmark reads."""
    if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise SourceError(
            f"{file}: line 1: no column {missing[0]!r}; it has {', '.join(reader.fieldnames or ['none'])}"
        )
    seen: set[str] = set()
    for values in reader:
        where, named, response = f"{file}: line {reader.line_num}", *(values[column] for column in COLUMNS)
        if None in values or None in values.values():
            raise SourceError(f"{where}: want {len(reader.fieldnames or ())} fields, as the first line has")
        name = PurePosixPath(named).name
        if not name or name in seen:
            raise SourceError(f"{where}: the file name {name!r} {'is there twice' if name else 'is empty'}")
        seen.add(name)
        yield Row(where, {"item_id": f"{file.stem}/{name}", "response": response})


def item_of(row: Row, benchmark: str, metric: str, *, with_text: bool = False) -> Item:
    """Read the item in a row that `rows_of` has named; `with_text` puts the row's `text` behind the instruction.

    Raises:
        SourceError: the row is not of its form.
    """
    name = PurePosixPath(row.key).name
    if not name:
        raise SourceError(f"{row.where}: has no key; the files of Dynamic-SUPERB are objects whose keys name the audio")
    instance, text = row.text("instance"), row.optional_text("text") if with_text else None
    return Item(
        benchmark=benchmark,
        subset=instance,
        item_id=f"{instance}/{name}",
        metric=metric,
        audio=tuple(f"{instance}/{each}" for each in (name, *_further(row))),
        instruction=f"{row.text('instruction')}\n{text}" if text else row.text("instruction"),
        label=label_of(row),
    )


def _further(row: Row) -> list[str]:
    numbered = sorted((int(found[1]), name) for name in row.values if (found := _FURTHER.fullmatch(name)))
    named = [text for number, name in numbered if number > 1 and (text := row.optional_text(name))]
    return list(dict.fromkeys([*(PurePosixPath(each).name for each in named), *row.texts("pairs")]))


def label_of(row: Row) -> str:
    """Return the label of a row as a text; some instances have it as a number.

    Raises:
        SourceError: there is none, or it is empty, so that silence would be right.
    """
    found = row.values.get("label")
    label = str(found) if isinstance(found, int | float) and not isinstance(found, bool) else row.text("label")
    if not label.strip():
        raise SourceError(f"{row.where}: 'label' is empty")
    return label


def response_of(row: Row) -> str | None:
    """Return the response in a row, under the key of the benchmark, else under that of its inference scripts."""
    return row.optional_text("prediction", "sllm_response")


def export(entries: Sequence[Entry], responses: Mapping[str, str]) -> Mapping[str, str]:
    """Write a file for each instance: its rows with `prediction`, by file name."""
    found: dict[str, dict[str, object]] = defaultdict(dict)
    for entry in entries:
        if (item := entry.item).item_id in responses:
            kept = {name: value for name, value in entry.row.values.items() if name != "instance"}
            found[item.subset][entry.row.key] = {**kept, "prediction": responses[item.item_id]}
    return {f"{name}.json": json.dumps(rows, indent=2, ensure_ascii=False) + "\n" for name, rows in found.items()}
