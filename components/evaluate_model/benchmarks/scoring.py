"""Scores of predictions: marks for every item, and figures with intervals, under a key that says what they rest on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.contracts.records import Record
from components.core.corpora.official import verify
from components.core.digests import digest_of
from components.core.publishing import write_file
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, mark_of, unique
from components.evaluate_model.benchmarks.intervals import Bootstrap, figures_of, values_of
from components.evaluate_model.benchmarks.judging import Judge, JudgeIdentity, Question
from components.evaluate_model.benchmarks.records import Figure, Item, Mark, Outcome, Prediction
from components.evaluate_model.benchmarks.rows import Row

RESULT = "result.json"
NO_JUDGE = "no judge answered"
"""The detail of a mark that lacks its judge's answer."""


class Basis(Record):
    """What scores rest on beside the predictions: only results with the same basis may be compared."""

    benchmark: str
    version: str
    rules: str
    post: str
    """Which post-processing."""
    judge: JudgeIdentity | None
    items: str
    """Digest of the items, in the order of their ids."""
    seed: int
    resamples: int


class Result(Record):
    """The scores of a set of predictions; `marks` has one for each item."""

    basis: Basis
    key: str
    """Digest of the basis and the predictions."""
    figures: tuple[Figure, ...]
    missing: tuple[str, ...]
    unmarked: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Material:
    """Items by their id, and what was predicted for them."""

    entries: Mapping[str, Entry]
    predictions: Mapping[str, Prediction]

    @property
    def items(self) -> Mapping[str, Item]:
        """The items without the rows that they were read from."""
        return {item_id: entry.item for item_id, entry in self.entries.items()}


def read_material(benchmark: Benchmark, predictions: Path, data: Path | None) -> Material:
    """Read predictions, and the items from the benchmark's own files or, without `data`, from the predictions' rows.

    `predictions` is a file, or a folder of files that are read as one. A row with `item_id` and `response` is a
    prediction of any benchmark; other rows are read as the official form.

    Raises:
        SourceError: a file is not of its form, or a prediction is of no item.
    """
    rows = [row for file in prediction_files(predictions, benchmark.endings) for row in benchmark.rows_of(file)]
    if not rows:
        raise SourceError(f"{predictions}: has no predictions")
    plain = all({"item_id", "response"} >= row.values.keys() for row in rows)
    if plain and data is None:
        raise ConfigurationError(f"{predictions}: has predictions alone; name the benchmark's files with --data")
    own = unique(_entries(benchmark, rows)) if not plain else {}
    items = own if data is None else read_items(benchmark, data)
    said = dict(_plain(rows) if plain else _official(benchmark, own.values()))
    if strange := next((item_id for item_id in said if item_id not in items), None):
        raise SourceError(f"{predictions}: item {strange!r} is not among the {len(items)} of {benchmark.name}")
    return Material(items, said)


def prediction_files(path: Path, endings: Sequence[str]) -> Sequence[Path]:
    """Return a file itself, or the files of these endings that are in a folder, by their names.

    Raises:
        SourceError: a folder has none.
    """
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix in endings)
    if not found:
        raise SourceError(
            f"{path}: has no {', '.join(endings[:-1])} or {endings[-1]} file; name a file or folder of predictions"
        )
    return found


def read_items(benchmark: Benchmark, data: Path) -> Mapping[str, Entry]:
    """Read the items of a benchmark from a folder with its official files.

    Raises:
        SourceError: a file is missing, is not of its form or not the one of SHA256SUMS, or there is no item.
    """
    rows = (row for file in verify(data, iter(benchmark.files(data))) for row in benchmark.rows_of(file))
    if not (found := unique(_entries(benchmark, rows))):
        raise SourceError(f"{data}: has no item of {benchmark.name}")
    return found


def _entries(benchmark: Benchmark, rows: Iterable[Row]) -> Iterator[Entry]:
    return (Entry(row, item) for row in rows for item in benchmark.items_of(row))


def _plain(rows: Sequence[Row]) -> Iterator[tuple[str, Prediction]]:
    known: set[str] = set()
    for row in rows:
        item_id = row.name("item_id")
        if item_id in known:
            raise SourceError(f"{row.where}: item {item_id!r} is there twice")
        known.add(item_id)
        yield item_id, Prediction(item_id=item_id, response=row.text("response"))


def _official(benchmark: Benchmark, entries: Iterable[Entry]) -> Iterator[tuple[str, Prediction]]:
    for entry in entries:
        if (response := benchmark.response_of(entry.row)) is not None:
            yield entry.item.item_id, Prediction(item_id=entry.item.item_id, response=response)


def score(
    benchmark: Benchmark, material: Material, judge: Judge | None, *, post: str, seed: int, resamples: int
) -> Result:
    """Mark every item, ask the judge where one is needed, and return the figures; the same input gives the same."""
    said = {item_id: prediction.response for item_id, prediction in material.predictions.items()}
    cleaned = {item_id: benchmark.post[post](response) for item_id, response in said.items()}
    marks = tuple(benchmark.settle(material.items, tuple(_marks(benchmark, material.items, cleaned, judge)), seed))
    basis = Basis(
        benchmark=benchmark.name,
        version=benchmark.version,
        rules=benchmark.rules,
        post=post,
        judge=judge.identity if judge else None,
        items=digest_of([item.model_dump(mode="json") for _, item in sorted(material.items.items())]),
        seed=seed,
        resamples=resamples,
    )
    values = values_of(marks, Bootstrap(seed, resamples), benchmark.composite, benchmark.statistics)
    return Result(
        basis=basis,
        key=digest_of({"basis": basis.model_dump(mode="json"), "predictions": said}),
        figures=figures_of(marks, values),
        missing=tuple(mark.item_id for mark in marks if mark.outcome is Outcome.MISSING),
        unmarked=sum(mark.outcome is Outcome.UNMARKED for mark in marks),
        marks=marks,
    )


def write_result(folder: Path, benchmark: Benchmark, material: Material, result: Result) -> None:
    """Write the predictions in the benchmark's own form, and what they came to."""
    said = {item_id: prediction.response for item_id, prediction in material.predictions.items()}
    for name, text in benchmark.export(list(material.entries.values()), said).items():
        write_file(folder / name, text)
    write_file(folder / RESULT, result.model_dump_json(indent=1) + "\n")


def _marks(
    benchmark: Benchmark, items: Mapping[str, Item], said: Mapping[str, str], judge: Judge | None
) -> Iterator[Mark]:
    asked = {
        item_id: question
        for item_id, response in said.items()
        if (question := benchmark.question_of(items[item_id], response))
    }
    questions = list(dict.fromkeys(asked.values()))
    replies = _replies(judge, questions)
    all_judged = judge is not None and len(replies) == len(questions)
    for item_id, item in items.items():
        if item_id not in said:
            yield _missing(benchmark, item, judged=all_judged)
        elif item_id in asked and asked[item_id] not in replies:
            yield mark_of(item, None, said[item_id], outcome=Outcome.UNMARKED, detail=NO_JUDGE)
        else:
            yield benchmark.mark(item, said[item_id], replies[asked[item_id]] if item_id in asked else ())


def _missing(benchmark: Benchmark, item: Item, *, judged: bool) -> Mark:
    """Mark an item without a prediction as wholly wrong, and say that it is missing.

    Where a judge is needed and did not answer all questions, it does not count, since others do not either.
    """
    mark = benchmark.mark(item, "", ())
    worst = benchmark.worst.get(item.metric, 0.0)
    wrong = mark.value if item.metric in benchmark.errors or mark.value is None else worst
    counts = judged or benchmark.question_of(item, "anything") is None
    return mark.model_copy(update={"outcome": Outcome.MISSING, "value": wrong if counts else None})


def _replies(judge: Judge | None, questions: Sequence[Question]) -> dict[Question, tuple[str, ...]]:
    return {v.question: v.replies for v in judge.judge(questions)} if judge and questions else {}
