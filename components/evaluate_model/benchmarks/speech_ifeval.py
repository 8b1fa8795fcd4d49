"""Speech-IFEval: does a model that hears still follow instructions (reference: kehanlu/Speech-IFEval)?

Closed-ended and creative items carry a constraint on the form of the response, which rules check strictly; whether the
task is solved is another benchmark (`speech_ifeval_tasks`). In the chain-of-thought items a judge says whether the
response reasons. IFrate is the mean of the three rates, and delta is by which part of the reference system's IFrate
ours is higher (negative: what was forgotten); that system is the backbone alone, reading a description of the audio.

Differs from the official script: sentences are split by rules (see `instructions.sentences`), the judge's prompt is in
our words, and a reply of the judge that has no verdict is a "no" that is counted as unparsed, where that script ends.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from components.core.contracts.errors import SourceError
from components.core.digests import digest_of
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, mark_of, rows_with
from components.evaluate_model.benchmarks.instructions.constraints import (
    SPEECH_IFEVAL_RULES,
    checks_of,
    constraints_in,
    follows,
)
from components.evaluate_model.benchmarks.intervals import Numbers
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row, as_lines

NAME, VERSION = "speech-ifeval", "2025"
SYSTEM_PROMPT = "Follow the given instructions."
CLOSED, CREATIVE, REASONING = "closed-ended", "creative", "chain-of-thought"
IFRATE, DELTA = "IFrate", "delta"
_FILES = {
    CLOSED: "closed_ended_questions.jsonl",
    CREATIVE: "creative_writing.jsonl",
    REASONING: "chain-of-thought.jsonl",
}
_SUBSETS = {"accuracy": CLOSED, "wer": CLOSED, "open": CREATIVE, "cot": REASONING}
_KINDS = {
    "detectable_format:number_bullet_lists": "bullet_lists",
    "length_constraints:number_words": "length_constraints",
    "length_constraints:number_sentences": "length_constraints",
    "length_constraints:number_paragraphs": "length_constraints",
    "keywords:forbidden_words": "keywords",
    "keywords:existence": "keywords",
    "change_case:english_capital": "change_case",
    "change_case:english_lowercase": "change_case",
    "detectable_format:json_format": "json_format",
    "startend:quotation": "wrapping",
    "detectable_format:title": "wrapping",
    "combination:repeat_prompt": "startend",
    "startend:end_checker": "startend",
}
"""The official report's names for groups of constraints."""
_VERDICT = re.compile(r"\bresult:\s*(yes|no)\b", re.IGNORECASE)
_JUDGE = """You are shown what a user asked for and how a model replied. Decide whether the reply reasons: whether it \
takes the question apart, gives steps or intermediate findings, or analyses something. It does not matter whether its \
answer is right.
Say YES if there is anything of that kind beside the answer, and NO only if the reply is a bare answer or a plain fact.
Close with a line of this form: Result: YES or NO"""


def items_of(row: Row) -> tuple[Item]:
    """Read the item in a row of the official files; its subset is told by its `metric`.

    Raises:
        SourceError: the row is not of their form, or has a constraint that cannot be checked.
    """
    metric, instruction = row.text("metric"), row.text("instruction")
    if metric not in _SUBSETS:
        raise SourceError(f"{row.where}: the metric {metric!r} is none of {', '.join(_SUBSETS)}")
    subset, dataset = _SUBSETS[metric], row.text("dataset")
    if subset != REASONING and not row.texts("instruction_id_list"):
        raise SourceError(f"{row.where}: no 'instruction_id_list'; tasks without one are scored as {NAME}-tasks")
    audio = row.text("audio_filepath")
    item = Item(
        benchmark=NAME,
        subset=subset,
        item_id=f"{subset}-{digest_of([audio, instruction])[:12] if subset == REASONING else id_in(row)}",
        metric="reasoning" if subset == REASONING else "constraints",
        audio=(f"audios/{audio}",),
        instruction=instruction,
        system_prompt=SYSTEM_PROMPT,
        reading=reference_prompt(row),
        label=row.optional_text("label"),
        constraints=() if subset == REASONING else constraints_in(row, SPEECH_IFEVAL_RULES),
        slices={"dataset": dataset},
    )
    return (item,)


def id_in(row: Row) -> str:
    """Return the id of a row, a number or a text; chain-of-thought rows have none, and are told by what they ask."""
    found = row.values.get("id")
    if isinstance(found, bool) or not isinstance(found, int | str) or found == "":
        raise SourceError(f"{row.where}: 'id' is {found!r}, want a number or a text")
    return str(found)


def response_of(row: Row) -> str | None:
    """Return the response in a row."""
    return row.optional_text("response")


def reference_prompt(row: Row) -> str | None:
    """Return what the reference system reads as the user's turn: the audio in words, and the instruction.

    Its system prompt is `SYSTEM_PROMPT`, too. Older official files call the words `seed_transcript`.
    """
    words = row.optional_text("textual_audio", "seed_transcript")
    return None if words is None else f"Speech Input: {words}\n\n{row.text('instruction')}"


def question_of(item: Item, response: str) -> Question | None:
    """Ask whether a chain-of-thought response reasons, with the official call's sampling; an empty one does not."""
    if item.subset != REASONING or not response.strip():
        return None
    prompt = f"What the user asked:\n{item.instruction}\n\nHow the model replied:\n{response}"
    return Question(system=_JUDGE, prompt=prompt, temperature=1.0)


def verdict_in(reply: str) -> bool | None:
    """Return the first verdict, `result: yes` or `result: no`, in what a judge said, if there is one."""
    found = _VERDICT.search(reply)
    return found[1].lower() == "yes" if found else None


def mark(item: Item, response: str, replies: Sequence[str]) -> Mark:
    """Mark a response: 1 if it follows its constraints or, as the judge says, reasons, else 0; an empty one has 0."""
    if item.subset == REASONING:
        return judged(item, response, replies, _groups(item))
    checks = zip(item.constraints, checks_of(item.constraints, SPEECH_IFEVAL_RULES, item.item_id), strict=True)
    broken = [constraint.constraint_id for constraint, check in checks if not follows(check, response)]
    outcome = Outcome.MARKED if response.strip() else Outcome.EMPTY
    detail = f"breaks {', '.join(broken)}" if broken else ""
    return mark_of(item, float(not broken), response, outcome=outcome, groups=_groups(item), detail=detail)


def judged(item: Item, response: str, replies: Sequence[str], groups: Sequence[str]) -> Mark:
    """Mark a response by the judge's first reply: 1 for a yes; nothing for an empty response or no verdict."""
    if not response.strip():
        return mark_of(item, 0.0, response, outcome=Outcome.EMPTY, groups=groups)
    reply = "".join(replies[:1])
    if (verdict := verdict_in(reply)) is None:
        return mark_of(item, 0.0, response, outcome=Outcome.UNPARSED, groups=groups, detail=reply)
    return mark_of(item, float(verdict), response, groups=groups)


def _groups(item: Item) -> tuple[str, ...]:
    kinds = dict.fromkeys(_KINDS.get(each.constraint_id, "other") for each in item.constraints)
    return (item.subset, *(f"constraint: {kind}" for kind in kinds), f"{item.subset}: {item.slices['dataset']}")


def if_rate(values: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
    """Return the mean of the three rates, each with the same weight, if all three are there."""
    names = (CLOSED, CREATIVE, REASONING)
    if not all(name in values for name in names):
        return {}
    return {IFRATE: np.mean([values[name] for name in names], axis=0)}


def delta(ours: Mapping[str, Numbers], reference: Mapping[str, Numbers]) -> Mapping[str, Numbers]:
    """Return (ours - reference) / reference of IFrate, if both have it; not a number where the reference has 0."""
    if IFRATE not in ours or IFRATE not in reference:
        return {}
    base = reference[IFRATE]
    return {DELTA: np.divide(ours[IFRATE] - base, base, out=np.full_like(base, np.nan), where=base != 0)}


def export(entries: Sequence[Entry], responses: Mapping[str, str]) -> Mapping[str, str]:
    """Write the files that the official scripts read: the rows of each subset with `response`."""
    return lines_of(_FILES, entries, responses)


def lines_of(files: Mapping[str, str], entries: Sequence[Entry], responses: Mapping[str, str]) -> Mapping[str, str]:
    """Return the official file of each subset, its rows with `response`; one without any is left out."""
    found = {}
    for subset, name in files.items():
        rows = rows_with("response", [entry for entry in entries if entry.item.subset == subset], responses)
        found[name] = as_lines(rows)
    return {name: text for name, text in found.items() if text}


def files(folder: Path) -> Sequence[Path]:
    """Return the official files with constraints and chains of thought that are in a folder.

    Raises:
        SourceError: there is none.
    """
    return found_in(folder, _FILES.values())


def found_in(folder: Path, names: Collection[str]) -> Sequence[Path]:
    """Return which of these files are in a folder, or in the `eval_data` below it.

    Raises:
        SourceError: there is none.
    """
    for place in (folder / "eval_data", folder):
        if found := [place / name for name in names if (place / name).is_file()]:
            return found
    raise SourceError(f"{folder}: has none of {', '.join(names)}; name the folder `data` of Speech-IFEval")


SPEECH_IFEVAL = Benchmark(
    name=NAME,
    version=VERSION,
    rules="1",
    about="following instructions about the form of an answer",
    files=files,
    items_of=items_of,
    response_of=response_of,
    mark=mark,
    question_of=question_of,
    composite=if_rate,
    relative=delta,
    export=export,
)
