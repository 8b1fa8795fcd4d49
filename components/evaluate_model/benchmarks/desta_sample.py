"""desta-sample: questions about the held-out clips of a corpus, in MMAU's file format.

Multiple choice on the domain, the language, the speaker's gender, the class of a sound, the sound and the instrument,
as far as the corpus knows them and lets them be told. A response is right by MMAU's rule, so that free answers can be
scored too; the choices that are wrong are drawn from what other clips of the corpora have, by the item's own seed.
"""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Clip, Domain, Split
from components.core.digests import seed_of
from components.core.languages import name_of
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, mark_of, rows_with
from components.evaluate_model.benchmarks.mmau import is_right, words_of
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row

NAME, VERSION = "desta-sample", "1"
NOT_SPEECH = "sound and music"
_FILE = "desta-sample.json"
_CHOICES = 4
_KINDS_OF_RECORDING = {Domain.SPEECH: "speech", Domain.SOUND: "a sound effect", Domain.MUSIC: "music"}


@dataclass(frozen=True)
class Kind:
    """A kind of question, and where its answer comes from; `None` for a clip of which it cannot be asked."""

    name: str
    question: str
    answer: Callable[[Clip], str | None]


def _told(attribute: str) -> Callable[[Clip], str | None]:
    return lambda clip: clip.attributes.get(attribute) if attribute in clip.describable else None


KINDS = (
    Kind("domain", "What kind of recording is it?", lambda clip: _KINDS_OF_RECORDING[clip.domain]),
    Kind("language", "Which language is spoken?", lambda clip: name_of(clip.language) if clip.language else None),
    Kind("gender", "Is the speaker male or female?", _told("gender")),
    Kind("sound class", "What kind of thing makes the sound?", _told("sound_class")),
    Kind("sound event", "What is the sound?", _told("sound_event")),
    Kind("instrument", "Which instrument is it?", _told("instrument")),
)


def rows_about(clips: Iterable[Clip], seed: int) -> list[dict[str, Any]]:
    """Return the rows of the benchmark's file: questions about clips of the evaluation split.

    Choices come from all clips, so that each is an answer to some clip. A kind that has one answer only is not asked.
    """
    known: dict[str, set[str]] = defaultdict(set)
    asked: list[tuple[Kind, str, dict[str, Any]]] = []
    for clip in clips:
        for kind in KINDS:
            if (answer := kind.answer(clip)) is not None:
                known[kind.name].add(answer)
                if clip.split is Split.EVALUATION:
                    asked.append((kind, answer, _about(clip, kind)))
    rows = [
        {**row, "choices": _choices(answer, known[kind.name], seed_of(seed, row["id"])), "answer": answer}
        for kind, answer, row in asked
    ]
    return sorted((row for row in rows if len(row["choices"]) > 1), key=lambda row: str(row["id"]))


def _about(clip: Clip, kind: Kind) -> dict[str, Any]:
    return {
        "id": f"{clip.clip_id}-{kind.name.replace(' ', '-')}",
        "audio_id": f"./audio/{clip.clip_id}.flac",
        "question": kind.question,
        "dataset": clip.source.corpus,
        "task": clip.domain.value,
        "split": clip.split.value,
        "category": kind.name,
    }


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
    choices, label = row.texts("choices"), row.text("answer")
    if label not in choices:
        raise SourceError(f"{row.where}: the answer {label!r} is none of the choices {list(choices)}")
    item = Item(
        benchmark=NAME,
        subset=row.name("task"),
        item_id=row.name("id"),
        metric="accuracy",
        audio=(row.text("audio_id").removeprefix("./"),),
        instruction=row.text("question"),
        choices=choices,
        label=label,
        reading=row.optional_text("description"),
        slices={"kind": row.text("category"), "corpus": row.text("dataset")},
    )
    return (item,)


def mark(item: Item, response: str, _replies: Sequence[str]) -> Mark:
    """Mark a response by MMAU's rule."""
    unspoken = (NOT_SPEECH,) if item.subset != Domain.SPEECH else ()
    groups = (NAME, item.subset, *unspoken, f"kind: {item.slices['kind']}", f"corpus: {item.slices['corpus']}")
    outcome = Outcome.MARKED if words_of(response) else Outcome.EMPTY
    right = is_right(item.label or "", item.choices, response)
    return mark_of(item, float(right), response, outcome=outcome, groups=groups)


def export(entries: Sequence[Entry], responses: Mapping[str, str]) -> Mapping[str, str]:
    """Write the rows with `model_output`, as MMAU's own prediction file has them."""
    rows = rows_with("model_output", entries, responses)
    return {_FILE: json.dumps(rows, indent=2, ensure_ascii=False) + "\n"}


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
    export=export,
)
