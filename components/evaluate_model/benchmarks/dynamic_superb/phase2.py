"""Dynamic-SUPERB, phase 2: 180 tasks of classification, regression and text (reference: dynamic-superb/dynamic-superb).

The first metric of an instance's `instance.json` that is known here says how it is marked. With `accuracy`, a judge
tells whether a response agrees with the label. With an error or a correlation, a judge reads the number in a response,
or says that there is none, and `regression` has what they come to. With `wer`, `cer` and `per`, the words, characters
or phones of the response as it is, with whatever it says around them, are compared with the label; only runs of white
space count as one space. An instance with other metrics is refused. There is a figure for each instance. The model is
shown the instruction alone, as the official inference scripts do it; an instance's `text` is not read.

Related to a reference system, the official one being a cascade of Whisper and LLaMA, the mean of how much better each
instance is counts, without those in which the reference has 0; officially one for each domain, here one over all.

Differs from the official scoring: the judge's prompts are in our words; an empty response is not shown to the judge, it
is wrong or without a number; a reply that cannot be read counts the same, as unparsed. Where no number could be read
from any response of an instance, its correlation is 0, and there is no error: its items are reported as not marked.
"""

import math
import re
from collections.abc import Mapping, Sequence

import jiwer
import numpy as np

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.benchmark import Benchmark, mark_of
from components.evaluate_model.benchmarks.dynamic_superb.files import (
    ENDINGS,
    export,
    files,
    item_of,
    response_of,
    rows_of,
)
from components.evaluate_model.benchmarks.dynamic_superb.regression import CORRELATIONS, ERRORS, STATISTICS
from components.evaluate_model.benchmarks.intervals import Numbers
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row

NAME, VERSION = "dynamic-superb-2", "phase-2"
ACCURACY, UNKNOWN = "accuracy", "unknown"
TEXT = ("wer", "cer", "per")
IMPROVEMENT = "mean relative improvement"
_ERRORS = frozenset({*ERRORS, *TEXT})
METRICS = (ACCURACY, *ERRORS, *CORRELATIONS, *TEXT)
_ALSO = {
    "acc": ACCURACY,
    "worderrorrate": "wer",
    "charactererrorrate": "cer",
    "phonemeerrorrate": "per",
    "meansquarederror": "mse",
    "rootmeansquarederror": "rmse",
    "meanabsoluteerror": "mae",
    "medianabsoluteerror": "medae",
    "pcc": "lcc",
    "pearson": "lcc",
    "spearman": "srcc",
    "kendalltau": "ktau",
}
_LARGEST = 1e100
"""Beyond this a number is not read: its square would not be one any more."""

_AGREES = """You compare what a model answered with the label of a classification task. The answer agrees if it \
comes down to the label and to nothing else that could have been chosen. How it is worded, spelled or explained is no \
matter; an answer that leaves several classes open, or names none, disagrees.
End with a line of this form: Verdict: agrees or disagrees"""
_READ = """You read numbers out of the answers of a model that was asked for a number. Find the number that the answer \
gives as its result; do not work anything out and do not repair anything. A range, several results or none at all are \
N/A.
Answer with one line of this form, the number in digits: Number: 3.5, or Number: N/A"""
_VERDICT = re.compile(r"^\W*verdict\W*\b(agrees|disagrees)\W*$", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(
    r"^\W*number\W*?[: ]\W*?([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|n/?a)[\s*.]*$", re.IGNORECASE | re.MULTILINE
)


def metric_of(row: Row) -> str:
    """Return the first metric of a row's instance that is known here; `unknown` where nothing names one.

    Raises:
        SourceError: all that are named are others.
    """
    named = row.texts("metrics")
    plain = ("".join(sign for sign in name.lower() if sign.isalnum()) for name in named)
    known = next((found for name in plain if (found := _ALSO.get(name, name)) in METRICS), None)
    if named and known is None:
        raise SourceError(
            f"{row.where}: its instance is marked by {', '.join(named)}, which is not counted here: leave it out; "
            f"known: {', '.join(METRICS)}"
        )
    return known or UNKNOWN


def items_of(row: Row) -> tuple[Item]:
    """Read the item in a row of an instance or of a prediction file; only our own ones repeat its metrics.

    Raises:
        SourceError: the row is not of its form, or its label does not suit the metric.
    """
    item = item_of(row, NAME, metric_of(row))
    if item.metric in STATISTICS and number_of(item.label or "") is None:
        raise SourceError(f"{row.where}: the label {item.label!r} is no number, which {item.metric} needs")
    return (item,)


def number_of(text: str) -> float | None:
    """Return the number that a text is, unless it is none or too large to count with."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and abs(found) <= _LARGEST else None


def question_of(item: Item, response: str) -> Question | None:
    """Ask whether a response agrees with the label, or which number it gives.

    Raises:
        SourceError: it is not known how the item is marked.
    """
    _check_known(item)
    if item.metric in TEXT or not response.strip():
        return None
    said = f"The task:\n{item.instruction}\n\n"
    if item.metric == ACCURACY:
        return Question(system=_AGREES, prompt=f"{said}The label:\n{item.label}\n\nThe model's answer:\n{response}")
    return Question(system=_READ, prompt=f"{said}The model's answer:\n{response}")


def _check_known(item: Item) -> None:
    if item.metric == UNKNOWN:
        raise SourceError(
            f"{item.subset}: nothing says which metric it has; name the folder with its instance.json with --data"
        )


def mark(item: Item, response: str, replies: Sequence[str]) -> Mark:
    """Mark a response by the metric of its instance; it counts in the figure of that.

    Raises:
        SourceError: it is not known how the item is marked.
    """
    _check_known(item)
    groups = (f"{item.subset} {item.metric}",)
    if item.metric in TEXT:
        return _mark_text(item, response, groups)
    reply = "".join(replies[:1])
    if item.metric == ACCURACY:
        verdict = verdict_in(reply)
        outcome = _outcome(response, parsed=verdict is not None)
        return mark_of(item, float(verdict or False), response, outcome=outcome, groups=groups, detail=reply)
    number = number_in(reply)
    outcome = _outcome(response, parsed=number is not None)
    found = mark_of(item, number_of(item.label or ""), response, outcome=outcome, groups=groups, detail=reply)
    return found.model_copy(update={"number": number})


def _outcome(response: str, *, parsed: bool) -> Outcome:
    if not response.strip():
        return Outcome.EMPTY
    return Outcome.MARKED if parsed else Outcome.UNPARSED


def verdict_in(reply: str) -> bool | None:
    """Return what a judge's reply comes to, or `None` where it has no such line or several that disagree."""
    found = {word.lower() == "agrees" for word in _VERDICT.findall(reply)}
    return found.pop() if len(found) == 1 else None


def number_in(reply: str) -> float | None:
    """Return the number in a judge's reply, or `None` where that is N/A, or the reply has no such line or several."""
    found = {number_of(text) for text in _NUMBER.findall(reply)}
    return found.pop() if len(found) == 1 else None


def _mark_text(item: Item, response: str, groups: Sequence[str]) -> Mark:
    label, said = (" ".join(text.split()) for text in (item.label or "", response))
    found = jiwer.process_characters(label, said) if item.metric == "cer" else jiwer.process_words(label, said)
    length = len(label) if item.metric == "cer" else len(label.split())
    errors = found.substitutions + found.deletions + found.insertions
    outcome = _outcome(response, parsed=True)
    return mark_of(item, float(errors), response, outcome=outcome, weight=float(length), groups=groups)


def settle(_items: Mapping[str, Item], marks: Sequence[Mark], _seed: int) -> Sequence[Mark]:
    """Take the marks of an error out of the count where none of its instance has a number."""
    read = {name for mark in marks if mark.number is not None for name in mark.groups}
    return [mark if mark.metric not in ERRORS or read & set(mark.groups) else _without_value(mark) for mark in marks]


def _without_value(mark: Mark) -> Mark:
    outcome = Outcome.MISSING if mark.outcome is Outcome.MISSING else Outcome.UNMARKED
    detail = mark.detail or "no response of its instance has a number"
    return mark.model_copy(update={"value": None, "outcome": outcome, "detail": detail})


def improvement(ours: Mapping[str, Numbers], reference: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
    """Return the mean of how much better each instance is, in shares of the reference's figure, if that is not 0."""
    changes = [
        np.divide(sign * (values - base), np.abs(base), out=np.full_like(base, np.nan), where=base != 0)
        for name, values in ours.items()
        if (base := reference.get(name)) is not None and base[0] != 0
        for sign in (-1 if name.rpartition(" ")[2] in _ERRORS else 1,)
    ]
    if not changes:
        return {}
    known = np.isfinite(changes)
    return {IMPROVEMENT: np.where(known, changes, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)}


DYNAMIC_SUPERB_2 = Benchmark(
    name=NAME,
    version=VERSION,
    rules="1",
    about="classification, regression and transcription in many tasks, by a judge and by error rates",
    files=files,
    rows_of=rows_of,
    endings=ENDINGS,
    items_of=items_of,
    response_of=response_of,
    mark=mark,
    question_of=question_of,
    settle=settle,
    errors=_ERRORS,
    statistics=STATISTICS,
    relative=improvement,
    export=export,
)
