"""The answer that a response to a BIG-Bench task settles on (reference: VoiceBench, `src/evaluator/bbh.py`).

Each of the four tasks has its list of phrases, of which the first that is in the response decides; where none is, an
answer is drawn. The official lists have their flaws, which are kept, since figures could not be compared otherwise:
a bare "b" counts as (a), whoever "must be lying" tells the truth, and "the sentence … is not plausible" is a yes.
"""

from collections.abc import Mapping, Sequence

from components.core.contracts.errors import SourceError
from components.evaluate_model.benchmarks.benchmark import mark_of
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.rows import Row
from components.evaluate_model.benchmarks.voicebench.bigbench_phrases import HYPERBATON, NAVIGATE, SPORTS, WEB_OF_LIES
from components.evaluate_model.benchmarks.voicebench.phrases import Rules, rules

_NO_YES, _OPTIONS = ("no", "yes"), ("(a)", "(b)")
_TASKS: Mapping[str, tuple[tuple[str, str], Rules]] = {
    "sports_understanding": (_NO_YES, rules(SPORTS)),
    "hyperbaton": (_OPTIONS, rules(HYPERBATON)),
    "navigate": (_NO_YES, rules(NAVIGATE)),
    "web_of_lies": (_NO_YES, rules(WEB_OF_LIES)),
}
_TURNS = ("<1>", "<2>", "<3>")
_SPACES = str.maketrans(dict.fromkeys(':"-,.\uff1a', " "))


def task_of(row: Row) -> str:
    """Return the task that the id of a row names.

    Raises:
        SourceError: it names none that is known.
    """
    found = next((task for task in _TASKS if task in row.text("id")), None)
    if found is None:
        raise SourceError(f"{row.where}: id {row.text('id')!r} names no task of {', '.join(_TASKS)}")
    return found


def choices_of(task: str) -> tuple[str, str]:
    """Return the two answers that a task knows."""
    return _TASKS[task][0]


def plain(response: str) -> str:
    """Return a response as the phrases know it: small letters, one line, most punctuation as spaces."""
    text = response.lower()
    if text.endswith("<|user|>"):
        text = text.removesuffix("<|user|>").strip()
    if text.startswith(_TURNS):
        text = text[3:].strip()
    text = text.replace("<|turn_end|>", "").replace("**", " ")
    return " ".join(text.translate(_SPACES).split())


def answer_in(task: str, response: str) -> str | None:
    """Return the answer that a response settles on, if any."""
    choices, known = _TASKS[task]
    answer = known.answer(plain(response))
    return None if answer is None else choices[answer]


def mark(item: Item, response: str, _replies: Sequence[str]) -> Mark:
    """Mark the answer of a response; where it has none, `settle` draws one."""
    answer = answer_in(item.slices["task"], response)
    if answer is None:
        return mark_of(item, 0.0, response, outcome=Outcome.GUESSED)
    return mark_of(item, float(answer == item.label), response, detail=answer)
