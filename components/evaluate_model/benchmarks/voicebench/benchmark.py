"""VoiceBench: what voice assistants answer to spoken requests (reference: MatthewCYM/VoiceBench, its `src/evaluator`).

Figures are the mean rating from 1 to 5 of the open subsets, and rates from 0 to 1 of the others. `voicebench` is the
overall figure of the leaderboard, from 0 to 100: the plain mean of its nine columns, ratings times 20 and rates times
100; it is there where all nine are. AlpacaEval's column is the full set where that is there, else the small one. All
files of one subset count in its column: name those of one region for SD-QA to have the number of that region.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from components.core.contracts.errors import SourceError
from components.core.digests import seed_of
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, Marker, no_question
from components.evaluate_model.benchmarks.intervals import Numbers
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row
from components.evaluate_model.benchmarks.voicebench import bigbench, choices, following, judged, refusals
from components.evaluate_model.benchmarks.voicebench.subsets import OPEN, SUBSETS, files, place_of, rows_of

NAME, VERSION = "voicebench", "2025-04"
SYSTEM_PROMPT = "You are a voice assistant. Act as if you are a natural language partner"
_SPLITS = {"sd-qa": "region", "mmsu": "domain"}


@dataclass(frozen=True)
class Rule:
    """How a subset is marked, and by which metric."""

    metric: str
    mark: Marker
    question: Callable[[Item, str], Question | None] = no_question


_RATING = Rule("rating", judged.mark_rating, judged.rating_question)
_CHOICE = Rule("accuracy", choices.mark)
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(OPEN, _RATING),
    "sd-qa": Rule("accuracy", judged.mark_fact, judged.fact_question),
    "mmsu": _CHOICE,
    "openbookqa": _CHOICE,
    "ifeval": Rule(following.METRIC, following.mark),
    "bbh": Rule("accuracy", bigbench.mark),
    "advbench": Rule("refusal", refusals.mark),
}


def items_of(row: Row) -> tuple[Item]:
    """Read the item in a row of a file; the request is in the audio, and the model is told nothing else.

    Raises:
        SourceError: the row is not of its form, or its file's name tells no subset.
    """
    subset, split = place_of(row)
    slices = {_SPLITS[subset]: split} if subset in _SPLITS else {}
    if subset == "bbh":
        slices["task"] = bigbench.task_of(row)
    known = _choices(subset, slices)
    audio = row.optional_text("audio")
    item = Item(
        benchmark=NAME,
        subset=subset,
        item_id=row.key,
        metric=RULES[subset].metric,
        audio=(audio,) if audio else (),
        instruction="",
        spoken=row.text("prompt"),
        system_prompt=SYSTEM_PROMPT,
        choices=known,
        label=_label(row, subset, known),
        constraints=following.constraints_of(row) if subset == "ifeval" else (),
        slices=slices,
    )
    return (item,)


def _choices(subset: str, slices: Mapping[str, str]) -> tuple[str, ...]:
    if subset == "bbh":
        return bigbench.choices_of(slices["task"])
    return choices.LETTERS if RULES[subset] is _CHOICE else ()


def _label(row: Row, subset: str, known: Sequence[str]) -> str | None:
    if subset == "sd-qa":
        return row.text("reference")
    if not known:
        return None
    label = row.text("reference").strip()
    label = label.lower() if subset == "bbh" else label
    if label not in known:
        raise SourceError(f"{row.where}: the reference {label!r} is none of {', '.join(known)}")
    return label


def response_of(row: Row) -> str | None:
    """Return the response in a row."""
    return row.optional_text("response")


def question_of(item: Item, response: str) -> Question | None:
    """Ask the judge about responses to open questions and to questions of fact."""
    return RULES[item.subset].question(item, response)


def mark(item: Item, response: str, replies: Sequence[str]) -> Mark:
    """Mark a response by the rule of its subset; it counts in that, and in its region, domain or task."""
    groups = (item.subset, *(f"{item.subset}: {value}" for value in item.slices.values()))
    return RULES[item.subset].mark(item, response, replies).model_copy(update={"groups": groups})


def settle(items: Mapping[str, Item], marks: Sequence[Mark], seed: int) -> Sequence[Mark]:
    """Draw an answer where a response has none, from the seed and the item's id alone."""
    return [_drawn(items[mark.item_id], mark, seed) if mark.outcome is Outcome.GUESSED else mark for mark in marks]


def _drawn(item: Item, mark: Mark, seed: int) -> Mark:
    answer = item.choices[seed_of(seed, "guess", item.item_id) % len(item.choices)]
    return mark.model_copy(update={"value": float(answer == item.label), "detail": answer})


def composite(figures: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
    """Average the columns of the leaderboard, where all nine are there."""
    open_ended = "alpacaeval_full" if "alpacaeval_full" in figures else "alpacaeval"
    columns = [open_ended, *(subset for subset in SUBSETS if not subset.startswith("alpacaeval"))]
    if not figures.keys() >= set(columns):
        return {}
    return {NAME: np.mean([figures[name] * (20.0 if name in OPEN else 100.0) for name in columns], axis=0)}


def export(entries: Sequence[Entry], responses: Mapping[str, str]) -> Mapping[str, str]:
    """Write the files that the official scripts read: for each subset and split its rows with a `response`."""
    lines: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        if (item_id := entry.item.item_id) in responses:
            subset, split = place_of(entry.row)
            row = {**entry.row.values, "response": responses[item_id]}
            lines[f"desta-{subset}-{split}-audio.jsonl"].append(json.dumps(row, ensure_ascii=False) + "\n")
    return {name: "".join(found) for name, found in lines.items()}


VOICEBENCH = Benchmark(
    name=NAME,
    version=VERSION,
    rules="1",
    about="spoken requests in nine columns, four of them by a judge",
    files=files,
    rows_of=rows_of,
    items_of=items_of,
    response_of=response_of,
    mark=mark,
    question_of=question_of,
    settle=settle,
    composite=composite,
    statistics={following.METRIC: following.final},
    worst={_RATING.metric: 1.0},
    export=export,
)
