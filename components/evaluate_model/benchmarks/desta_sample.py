"""desta-sample: questions about the held-out clips of a corpus, in MMAU's file format.

Multiple choice on the domain, the language, the speaker's gender, the class of a sound, the sound and the instrument,
as far as the corpus knows them and lets them be told. A response is right by MMAU's rule, so that free answers can be
scored too; the choices that are wrong are drawn from what other clips of the corpora have, by the item's own seed.
Of speech the words are asked as well: a row without choices, whose answer is compared by its word errors.
"""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Clip, Domain, Split
from components.core.digests import seed_of
from components.core.languages import name_of
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, mark_of, rows_with
from components.evaluate_model.benchmarks.mmau import is_right, words_of
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row, as_list

NAME, VERSION = "desta-sample", "1"
NOT_SPEECH = "sound and music"
WORD_ERRORS = "word errors"
"""The group of transcripts: wrong, missing and added words for each word that was spoken."""
_DURATIONS_S = (2, 5, 10)
_FILE = "desta-sample.json"
_CHOICES = 4
# Of the wordings tried on descriptions, these let the backbone say most of what it reads.
_SPEAKERS = {"female": "a woman", "male": "a man"}
_KINDS_OF_SOUND = {Domain.SPEECH: "speech", Domain.SOUND: "a noise", Domain.MUSIC: "music"}


@dataclass(frozen=True)
class Kind:
    """A kind of question, and where its answer comes from; `None` for a clip of which it cannot be asked."""

    name: str
    question: str
    answer: Callable[[Clip], str | None]


def _told(attribute: str) -> Callable[[Clip], str | None]:
    return lambda clip: clip.attributes.get(attribute) if attribute in clip.describable else None


KINDS = (
    Kind("domain", "What kind of sound is it?", lambda clip: _KINDS_OF_SOUND[clip.domain]),
    Kind("language", "Which language is spoken?", lambda clip: name_of(clip.language) if clip.language else None),
    Kind("gender", "Who is speaking?", lambda clip: _SPEAKERS.get(_told("gender")(clip) or "")),
    Kind("sound class", "What kind of thing makes the sound?", _told("sound_class")),
    Kind("sound event", "What is the sound?", _told("sound_event")),
    Kind("instrument", "Which instrument is it?", _told("instrument")),
)


TRANSCRIPT = Kind("transcript", "What does the speaker say?", lambda clip: _spoken(clip.transcript or ""))


def _spoken(transcript: str) -> str | None:
    return transcript if words_of(transcript) else None


def rows_about(clips: Iterable[Clip], seed: int) -> list[dict[str, Any]]:
    """Return the rows of the benchmark's file: questions about clips of the evaluation split.

    Choices come from all clips, so that each is an answer to some clip. A kind that has one answer only is not asked.
    """
    known: dict[str, set[str]] = defaultdict(set)
    asked: list[tuple[Kind, str, dict[str, Any]]] = []
    for clip in clips:
        for kind in (*KINDS, TRANSCRIPT):
            if (answer := kind.answer(clip)) is not None:
                known[kind.name].add(answer)
                if clip.split is Split.EVALUATION:
                    asked.append((kind, answer, _about(clip, kind)))
    rows = [
        {**row, "choices": _choices(answer, known[kind.name], seed_of(seed, row["id"])), "answer": answer}
        for kind, answer, row in asked
        if kind is not TRANSCRIPT
    ]
    spoken = [{**row, "choices": [], "answer": answer} for kind, answer, row in asked if kind is TRANSCRIPT]
    return sorted([*(row for row in rows if len(row["choices"]) > 1), *spoken], key=lambda row: str(row["id"]))


def _about(clip: Clip, kind: Kind) -> dict[str, Any]:
    return {
        "id": f"{clip.clip_id}-{kind.name.replace(' ', '-')}",
        "audio_id": f"./audio/{clip.clip_id}.flac",
        "question": kind.question,
        "dataset": clip.source.corpus,
        "task": clip.domain.value,
        "split": clip.split.value,
        "category": kind.name,
        "language": clip.language,
        "speaker": clip.speaker_id,
        "duration": duration_group(clip.duration_s),
    }


def clip_of(audio: str) -> str:
    """Return the id of the clip that an item's audio is named after."""
    return Path(audio).stem


def duration_group(duration_s: float) -> str:
    """Return the group of clips that one of this length is looked at with."""
    bounds = (0, *_DURATIONS_S)
    within = next((end for end in _DURATIONS_S if duration_s <= end), None)
    return f"over {bounds[-1]} s" if within is None else f"{bounds[bounds.index(within) - 1]} to {within} s"


def _choices(answer: str, known: set[str], seed: int) -> list[str]:
    draw = random.Random(seed)  # noqa: S311 (nothing secret)
    wrong = sorted(other for other in known - {answer} if words_of(other) != words_of(answer))
    choices = [answer, *draw.sample(wrong, min(_CHOICES - 1, len(wrong)))]
    draw.shuffle(choices)
    return choices


def items_of(row: Row) -> tuple[Item]:
    """Read the item in a row.

    Raises:
        SourceError: the row is not of the form of MMAU's files.
    """
    choices, label, kind = row.texts("choices"), row.name("answer"), row.text("category")
    spoken = kind == TRANSCRIPT.name
    if not spoken and label not in choices:
        raise SourceError(f"{row.where}: the answer {label!r} is none of the choices {list(choices)}")
    if spoken and not words_of(label):
        raise SourceError(f"{row.where}: the answer {label!r} has no words to compare a transcript with")
    known = {name: row.optional_text(name) for name in ("language", "speaker", "duration")}
    item = Item(
        benchmark=NAME,
        subset=row.name("task"),
        item_id=row.name("id"),
        metric=WORD_ERRORS if spoken else "accuracy",
        audio=(row.text("audio_id").removeprefix("./"),),
        instruction=row.text("question"),
        choices=choices,
        label=label,
        reading=row.optional_text("description"),
        slices={"kind": kind, "corpus": row.text("dataset"), **{k: v for k, v in known.items() if v}},
    )
    return (item,)


def mark(item: Item, response: str, _replies: Sequence[str]) -> Mark:
    """Mark a choice by MMAU's rule, and a transcript by its word errors."""
    outcome = Outcome.MARKED if words_of(response) else Outcome.EMPTY
    if item.metric == WORD_ERRORS:
        return _mark_words(item, response, outcome)
    unspoken = (NOT_SPEECH,) if item.subset != Domain.SPEECH else ()
    groups = (NAME, item.subset, *unspoken, *(f"{name}: {value}" for name, value in item.slices.items()))
    right = is_right(item.label or "", item.choices, response)
    return mark_of(item, float(right), response, outcome=outcome, groups=groups)


def _mark_words(item: Item, response: str, outcome: Outcome) -> Mark:
    language = item.slices.get("language")
    groups = (WORD_ERRORS, *([f"{WORD_ERRORS}: {language}"] if language else []))
    spoken, said = _plain(item.label or ""), _plain(response)
    found = jiwer.process_words(spoken, said)
    wrong = found.substitutions + found.deletions + found.insertions
    return mark_of(item, float(wrong), said, weight=float(len(spoken.split())), outcome=outcome, groups=groups)


def _plain(text: str) -> str:
    """Return the words alone, in small letters: how they are written does not count."""
    return " ".join(re.findall(r"\w+", text.lower()))


def export(entries: Sequence[Entry], responses: Mapping[str, str]) -> Mapping[str, str]:
    """Write the rows with `model_output`, as MMAU's own prediction file has them."""
    rows = rows_with("model_output", entries, responses)
    return {_FILE: as_list(rows)}


def files(folder: Path) -> Sequence[Path]:
    """Return the benchmark's file in a folder.

    Raises:
        SourceError: it is not there.
    """
    if not (folder / _FILE).is_file():
        raise SourceError(f"{folder}: has no {_FILE}")
    return [folder / _FILE]


DESTA_SAMPLE = Benchmark(
    name=NAME,
    version=VERSION,
    rules="1",
    about="multiple choice about the held-out clips of a run",
    files=files,
    items_of=items_of,
    response_of=lambda row: row.optional_text("model_output", "model_prediction"),
    mark=mark,
    errors=frozenset({WORD_ERRORS}),
    export=export,
)
