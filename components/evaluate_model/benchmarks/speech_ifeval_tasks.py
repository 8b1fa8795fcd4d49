"""The tasks behind Speech-IFEval's closed-ended items, with and without constraints (reference: its second script).

`closed_ended_questions-woprompt.jsonl` has the tasks of `closed_ended_questions.jsonl` without their constraints; how
much lower the figures are with them tells what following instructions costs. A judge says whether an answer agrees with
the label, and the figures are the accuracies of all and of each dataset; of a transcription it copies out what was
transcribed, whose word error rate, both sides normalised as Whisper's basic normaliser does it, is that of all items.

Differs from the official script: the judge's prompts are in our words, a reply without a verdict counts as wrong, and
a transcription that the judge did not copy out faithfully, which that script logs, counts with the judge's words as
there, but as unparsed. An empty response is not shown to the judge: it is wrong.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

import jiwer

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, mark_of
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row
from components.evaluate_model.benchmarks.speech_ifeval import (
    SYSTEM_PROMPT,
    VERSION,
    found_in,
    id_in,
    judged,
    lines_of,
    response_of,
)

NAME = "speech-ifeval-tasks"
WITH, WITHOUT = "with-constraints", "without-constraints"
ACCURACY, WER = "accuracy", "wer"
_FILES = {WITH: "closed_ended_questions.jsonl", WITHOUT: "closed_ended_questions-woprompt.jsonl"}
_AGREES = """You are shown a question, the right answer to it, and how a model replied. Decide whether the reply \
agrees with the right answer, as an answer to this question. How the reply is put does not matter.
Close with a line of this form: Result: YES or NO"""
_COPY = """You are shown what a model replied when it was asked to transcribe speech. Copy out of the reply the \
passage that is the transcription, without whatever introduces, explains or wraps it.
Change nothing in the passage: it is compared word by word. Answer with the passage alone."""


def items_of(row: Row) -> tuple[Item]:
    """Read the item in a row of the official closed-ended files.

    Raises:
        SourceError: the row is not of their form, is of another file, or its label has no words to compare with.
    """
    metric, label = row.text("metric"), row.text("label")
    if metric not in {ACCURACY, WER}:
        raise SourceError(f"{row.where}: the metric {metric!r} is neither {ACCURACY} nor {WER}")
    if metric == WER and not normalised(label):
        raise SourceError(f"{row.where}: the label {label!r} has no words")
    subset = WITH if row.texts("instruction_id_list") else WITHOUT
    item = Item(
        benchmark=NAME,
        subset=subset,
        item_id=f"{subset}-{id_in(row)}",
        metric=metric,
        audio=(f"audios/{row.text('audio_filepath')}",),
        instruction=row.text("instruction"),
        system_prompt=SYSTEM_PROMPT,
        label=label,
        slices={"dataset": row.text("dataset")},
    )
    return (item,)


def question_of(item: Item, response: str) -> Question | None:
    """Ask whether an answer agrees with the label, or for the transcription in it; sampled as the official call is."""
    if not response.strip():
        return None
    reply = f"How the model replied:\n{response}"
    if item.metric == WER:
        return Question(system=_COPY, prompt=f"What it was asked:\n{item.instruction}\n\n{reply}", temperature=1.0)
    prompt = f"The question:\n{item.instruction}\n\nThe right answer:\n{item.label}\n\n{reply}"
    return Question(system=_AGREES, prompt=prompt, temperature=1.0)


def mark(item: Item, response: str, replies: Sequence[str]) -> Mark:
    """Mark a response: 1 or 0 of 1 for an answer, wrong words of the label's words for a transcription."""
    name = f"{item.metric} {item.subset}"
    if item.metric == ACCURACY:
        return judged(item, response, replies, (name, f"{name}: {item.slices['dataset']}"))
    words, copied = normalised(item.label or ""), normalised("".join(replies[:1]))
    faithful = copied in normalised(response)
    outcome = Outcome.UNPARSED if not faithful else Outcome.MARKED if response.strip() else Outcome.EMPTY
    detail = "" if faithful else "the judge did not copy the response"
    return mark_of(
        item,
        float(word_errors(words, copied)),
        copied,
        outcome=outcome,
        weight=float(len(words.split())),
        groups=(name,),
        detail=detail,
    )


def word_errors(words: str, heard: str) -> int:
    """Return how many words are wrong, missing or too many, at least."""
    found = jiwer.process_words(words, heard)
    return found.substitutions + found.deletions + found.insertions


def normalised(text: str) -> str:
    """Return the words of a text as they are compared: in lower case, without signs, and without what is in brackets.

    Angular brackets go before all else, so that a transcription between `<<` and `>>` is not lost.
    """
    bare = re.sub(r"\[[^\]]*\]|\([^)]+\)", "", re.sub(r"[<>]", "", text.lower()))
    letters = (" " if unicodedata.category(sign)[0] in "MSP" else sign for sign in unicodedata.normalize("NFKC", bare))
    return " ".join("".join(letters).split())


def export(entries: Sequence[Entry], responses: Mapping[str, str]) -> Mapping[str, str]:
    """Write the files that the official script reads: the rows of each file with `response`."""
    return lines_of(_FILES, entries, responses)


def files(folder: Path) -> Sequence[Path]:
    """Return the official closed-ended files that are in a folder.

    Raises:
        SourceError: there is none.
    """
    return found_in(folder, _FILES.values())


SPEECH_IFEVAL_TASKS = Benchmark(
    name=NAME,
    version=VERSION,
    rules="1",
    about="whether its closed-ended tasks are solved",
    files=files,
    items_of=items_of,
    response_of=response_of,
    mark=mark,
    question_of=question_of,
    errors=frozenset({WER}),
    export=export,
)
