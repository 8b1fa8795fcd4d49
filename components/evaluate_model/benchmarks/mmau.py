"""MMAU v05.15.25: multiple choice on sound, music and speech (reference: Sakshi113/MMAU, `evaluation.py`).

A response is right if all words of the right choice are in it and no word that only wrong choices have. The test-mini
split has answers; those of the test split are with the benchmark's server, for which `export` writes the file.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, as_it_is, mark_of, rows_with
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row, as_list

NAME, VERSION = "mmau", "v05.15.25"
SYSTEM_PROMPT = "Focus on the audio clips and instructions. Choose one of the options without any explanation."
_PREFIX = "The correct answer is: "
_FILES = ("mmau-test-mini.json", "mmau-test.json")


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, in lower case, each once."""
    return frozenset(re.findall(r"\b\w+\b", text.lower()))


def is_right(answer: str, choices: Sequence[str], response: str) -> bool:
    """Tell whether a response names the right choice and no other, by the words that are only theirs."""
    said, right = words_of(response), words_of(answer)
    wrong = frozenset[str]().union(*(words_of(choice) - right for choice in choices))
    return bool(said) and right <= said and said.isdisjoint(wrong)


def asked(question: str, choices: Sequence[str]) -> str:
    """Return a question with its choices as DeSTA2.5-Audio asks it (reference: its `inference_desta25_audio.py`)."""
    named = [f'"{choice}"' for choice in choices]
    return f"{question} Choose one of the following options: {' or '.join([', '.join(named[:-1]), named[-1]])}"


def items_of(row: Row) -> tuple[Item]:
    """Read the item in a row of the official files.

    Raises:
        SourceError: the row is not of their form.
    """
    choices, label = row.texts("choices"), row.optional_text("answer")
    if len(choices) < 2:
        raise SourceError(f"{row.where}: 'choices' has {len(choices)}, want at least 2")
    if label is not None and label not in choices:
        raise SourceError(f"{row.where}: the answer {label!r} is none of the choices {list(choices)}")
    task = row.name("task")
    slices = {"difficulty": row.optional_text("difficulty"), "sub-category": row.optional_text("sub-category")}
    item = Item(
        benchmark=NAME,
        subset=task,
        item_id=row.name("id"),
        metric="accuracy",
        audio=(row.text("audio_id").removeprefix("./"),),
        instruction=asked(row.text("question"), choices),
        system_prompt=SYSTEM_PROMPT,
        choices=choices,
        label=label,
        slices={name: value for name, value in slices.items() if value},
    )
    return (item,)


def response_of(row: Row) -> str | None:
    """Return the response in a row, under the key that the official script reads, else under that of its README."""
    return row.optional_text("model_output", "model_prediction")


def mark(item: Item, response: str, _replies: Sequence[str]) -> Mark:
    """Mark a response; without a label it is the server's to mark."""
    if item.label is None:
        return mark_of(item, None, response, outcome=Outcome.UNMARKED, detail="the label is the server's")
    groups = (NAME, item.subset, *(f"{name}: {value}" for name, value in item.slices.items()))
    value = float(is_right(item.label, item.choices, response))
    outcome = Outcome.MARKED if words_of(response) else Outcome.EMPTY
    return mark_of(item, value, response, outcome=outcome, groups=groups)


def without_prefix(response: str) -> str:
    """Take away the beginning that DeSTA2.5-Audio's prompt asks for, whose words collide with wrong choices."""
    return response.removeprefix(_PREFIX)


def export(entries: Sequence[Entry], responses: Mapping[str, str]) -> Mapping[str, str]:
    """Write the file that the official script and the benchmark's server read: its rows with `model_output`."""
    rows = rows_with("model_output", entries, responses)
    return {"mmau-results.json": as_list(rows)}


def files(folder: Path) -> Sequence[Path]:
    """Return the official files that are in a folder.

    Raises:
        SourceError: there is none.
    """
    found = [folder / name for name in _FILES if (folder / name).is_file()]
    if not found:
        raise SourceError(f"{folder}: has neither {_FILES[0]} nor {_FILES[1]}; name the folder of MMAU's files")
    return found


MMAU = Benchmark(
    name=NAME,
    version=VERSION,
    rules="1",
    about="multiple choice on sound, music and speech",
    files=files,
    items_of=items_of,
    response_of=response_of,
    mark=mark,
    post={"as-it-is": as_it_is, "without-prefix": without_prefix},
    export=export,
)
