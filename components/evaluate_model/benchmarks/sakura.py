"""SAKURA: multi-hop questions on what is heard (reference: ckyang1124/SAKURA, its `data` and `evaluation` folders).

Four tracks of 500 clips, each clip with a single-hop question, what it is that sounds, and a multi-hop one, which asks
for a fact about that. A judge says whether a response is right. A multi-hop answer means little where the single-hop
one is wrong: beside the accuracies, `multi | single` is that of the multi-hop questions about clips whose single-hop
question was answered rightly.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, mark_of
from components.evaluate_model.benchmarks.intervals import Numbers
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row, read_json, read_rows, rows_in

NAME, VERSION = "sakura", "2025"
TRACKS = ("Gender", "Language", "Emotion", "Animal")
HOPS = ("single", "multi")
_GIVEN = "multi | single"
_CONTAINER = frozenset({"attribute", "type", "results"})

_JUDGE = "You mark answers to multiple-choice questions. You are strict, and you add nothing to what an answer says."
_PROMPT = """\
Below are a question that lists its options, the option that is right, and what a model answered.

The answer is correct only if it settles on exactly one of the listed options and that option is the right one. It is \
incorrect if it names none of them, leaves several open, or settles on another. It need not repeat the letter or the \
exact words: another form of the same word counts as the option, such as "sadness" for "(b) sad".

Question: {question}
Right option: {label}
Answer of the model: {response}

Reply with two lines and nothing else:
Explanation: <one sentence on which option the answer settles on>
Judgement: <correct or incorrect>"""
_JUDGEMENT = re.compile(r"^\W*judge?ment\W*\b(correct|incorrect)\W*$", re.IGNORECASE | re.MULTILINE)


def rows_of(file: Path) -> Iterator[Row]:
    """Yield the rows of a `metadata.json` or of a prediction file, each with the track that it is of.

    Raises:
        SourceError: the file cannot be read, or is not of its form.
    """
    if file.suffix != ".json":
        yield from read_rows(file)
        return
    found = read_json(file)
    common: dict[str, Any] = {}
    if isinstance(found, dict) and "results" in found:
        if missing := sorted(_CONTAINER - found.keys()):
            raise SourceError(f"{file}: no {missing[0]!r}; a prediction file of SAKURA has {sorted(_CONTAINER)}")
        common, found = {"attribute": found["attribute"], "type": found["type"]}, found["results"]
    elif file.name == "metadata.json":
        common = {"attribute": file.parent.name}
    for row in rows_in(file, found):
        yield Row(row.where, {**row.values, **common}, row.key)


def items_of(row: Row) -> Sequence[Item]:
    """Read the two items in a row of a `metadata.json`, or the one in a row of a prediction file.

    Raises:
        SourceError: the row is not of its form, or of a track or kind of question that is not known.
    """
    track = _one_of(row, "attribute", TRACKS)
    if "type" in row.values:
        return (_item(row, track, _one_of(row, "type", HOPS), "instruction", "label"),)
    return tuple(_item(row, track, hop, f"{hop}_instruction", f"{hop}_answer") for hop in HOPS)


def _item(row: Row, track: str, hop: str, instruction: str, label: str) -> Item:
    """Read an item; a clip is known by its file's name, since the folders before it are those of who ran the model."""
    file = PurePosixPath(row.key).name
    if not file:
        raise SourceError(f"{row.where}: has no key; the files of SAKURA are objects whose keys name the clips")
    return Item(
        benchmark=NAME,
        subset=f"{track} {hop}",
        item_id=f"{track}/{hop}/{file}",
        metric="accuracy",
        audio=(f"data/{track}/audio/{file}",),
        instruction=row.text(instruction).strip(),
        label=row.text(label).strip(),
    )


def _one_of(row: Row, name: str, known: Sequence[str]) -> str:
    found = row.text(name)
    for each in known:
        if each.lower() == found.lower():
            return each
    raise SourceError(f"{row.where}: {name} {found!r} is none of {', '.join(known)}")


def response_of(row: Row) -> str | None:
    """Return the response in a row of a prediction file."""
    return row.optional_text("response") if "type" in row.values else None


def question_of(item: Item, response: str) -> Question:
    """Ask whether a response settles on the right option alone; drawn as the official script draws."""
    prompt = _PROMPT.format(question=item.instruction, label=item.label, response=response)
    return Question(system=_JUDGE, prompt=prompt, temperature=0.0, top_p=0.9, max_tokens=1024)


def judgement_in(reply: str) -> bool | None:
    """Return what a judge's reply comes to, or `None` where it has no such line or several that disagree."""
    found = {word.lower() == "correct" for word in _JUDGEMENT.findall(reply)}
    return found.pop() if len(found) == 1 else None


def mark(item: Item, response: str, replies: Sequence[str]) -> Mark:
    """Mark a response as the judge says; a reply that cannot be read counts as wrong, as in the official script."""
    judgement = judgement_in(replies[0]) if replies else None
    detail = replies[0] if replies else ""
    if judgement is None:
        return mark_of(item, 0.0, response, outcome=Outcome.UNPARSED, detail=detail)
    outcome = Outcome.MARKED if response.strip() else Outcome.EMPTY
    return mark_of(item, float(judgement), response, outcome=outcome, detail=detail)


def settle(items: Mapping[str, Item], marks: Sequence[Mark], _seed: int) -> Sequence[Mark]:
    """Let a multi-hop mark count in its track's `multi | single` too, where the clip's single-hop mark is right."""
    heard = {mark.cluster for mark in marks if items[mark.item_id].subset.endswith(" single") and mark.value == 1.0}
    return [_given(mark, items[mark.item_id].subset) if mark.cluster in heard else mark for mark in marks]


def _given(mark: Mark, subset: str) -> Mark:
    track, hop = subset.split(" ")
    return mark if hop == "single" else mark.model_copy(update={"groups": (*mark.groups, f"{track} {_GIVEN}")})


def composite(figures: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
    """Average over the tracks, where all four are there."""
    wanted = {hop: [f"{track} {hop}" for track in TRACKS] for hop in (*HOPS, _GIVEN)}
    return {
        hop: np.mean([figures[name] for name in names], axis=0)
        for hop, names in wanted.items()
        if figures.keys() >= set(names)
    }


def export(entries: Sequence[Entry], responses: Mapping[str, str]) -> Mapping[str, str]:
    """Write the files that the official judge reads: one for each track and kind of question."""
    results: dict[str, dict[str, object]] = defaultdict(dict)
    for entry in entries:
        if (item := entry.item).item_id in responses:
            said = {"instruction": item.instruction, "response": responses[item.item_id], "label": item.label}
            results[item.subset][entry.row.key] = said
    return {f"{subset.replace(' ', '_')}.json": _container(subset, found) for subset, found in results.items()}


def _container(subset: str, results: Mapping[str, object]) -> str:
    track, hop = subset.split(" ")
    return json.dumps({"attribute": track, "type": hop, "results": results}, indent=2, ensure_ascii=False) + "\n"


def files(folder: Path) -> Sequence[Path]:
    """Return the official files that are in a folder.

    Raises:
        SourceError: there is none.
    """
    names = [Path("data") / track / "metadata.json" for track in TRACKS]
    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        raise SourceError(f"{folder}: has no {names[0]} or that of another track; name the folder of SAKURA's files")
    return found


SAKURA = Benchmark(
    name=NAME,
    version=VERSION,
    rules="1",
    about="single- and multi-hop questions on four tracks, by a judge",
    files=files,
    rows_of=rows_of,
    items_of=items_of,
    response_of=response_of,
    mark=mark,
    question_of=question_of,
    settle=settle,
    composite=composite,
    export=export,
)
