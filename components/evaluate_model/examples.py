"""Which answers a person is shown one by one: the worst, some by chance, and those where two models differ."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TypeVar

from components.core.contracts.records import Answer
from components.core.digests import seed_of
from components.evaluate_model.benchmarks.desta_sample import WORD_ERRORS, clip_of
from components.evaluate_model.benchmarks.records import Item, Mark
from components.evaluate_model.benchmarks.scoring import Result
from components.evaluate_model.confusion import chosen
from components.evaluate_model.findings import Findings
from components.evaluate_model.report import BASELINES, TRAINED

WORST, BY_CHANCE, BESIDE = 6, 4, 4
"""How many there are of each sort. Each brings a clip, and clips are what makes a page large."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a system said, with a remark on it; `text` is `None` where it was not asked, `right` where neither holds."""

    who: str
    text: str | None
    remark: str
    right: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Example:
    """A question about a clip, what the answer should have been, and what was said."""

    clip_id: str
    about: str
    question: str
    wanted: str
    choices: tuple[str, ...] = ()
    said: tuple[Said, ...]


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """Examples of one sort; `why` says how they were chosen."""

    title: str
    why: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """Where two models that were asked the same chose differently: how often, who was right, and some examples."""

    shared: int
    ours_right: int
    theirs_right: int
    both_wrong: int
    chapter: Chapter


def chapters(found: Findings) -> tuple[Chapter, ...]:
    """Return the worst and some by chance, of the held-out answers and of the questions; the same ones every time."""
    return (*_of_answers(found), *(_of_questions(found) if found.on_sample else ()))


def _of_answers(found: Findings) -> tuple[Chapter, Chapter]:
    by_loss = sorted(found.answers, key=lambda answer: (-_lost(answer), answer.sample_id))
    worst = _one_for_each(_clip_of_answer, by_loss)[:WORST]
    shown = {answer.sample_id for answer in worst}
    rest = [each for each in found.answers if each.response_trained is not None and each.sample_id not in shown]
    drawn = sorted(rest, key=lambda answer: seed_of(found.settings.seed, "shown", answer.sample_id))
    return (
        Chapter(
            title="Held-out answers that training helped least",
            why="Their loss a token rose most beside the untrained adapter, or fell least; one for each clip.",
            examples=tuple(map(_answer, worst)),
        ),
        Chapter(
            title="Held-out answers drawn by chance",
            why="Of those for which the model was asked to write; one for each clip.",
            examples=tuple(map(_answer, _one_for_each(_clip_of_answer, drawn)[:BY_CHANCE])),
        ),
    )


def _of_questions(found: Findings) -> tuple[Chapter, Chapter]:
    marks = {system: _marks(result) for system, result in found.on_sample.items()}
    items = [entry.item for entry in found.questions.values()]
    drawn = sorted(items, key=lambda item: seed_of(found.settings.seed, "shown", item.item_id))

    def known_to(item: Item) -> int:
        return sum(bool(marks[name][item.item_id].value) for name in BASELINES)

    wrong = [item for item in drawn if item.choices and not marks[TRAINED][item.item_id].value]
    worst = _one_for_each(_clip_of_item, sorted(wrong, key=lambda item: -known_to(item)))[:WORST]
    shown = {item.item_id for item in worst}
    rest = _one_for_each(_clip_of_item, (item for item in drawn if item.item_id not in shown))[:BY_CHANCE]
    return (
        Chapter(
            title="Wrong choices",
            why="Those first that the most baselines have right; one for each clip.",
            examples=tuple(_question(item, marks.items()) for item in worst),
        ),
        Chapter(
            title="Questions drawn by chance",
            why="One for each clip. What was heard is shown as it is compared: the words alone, in small letters.",
            examples=tuple(_question(item, marks.items()) for item in rest),
        ),
    )


def disagreement(found: Findings, champion: Findings, name: str) -> Disagreement:
    """Set the choices of a model beside those of the champion, of the questions that are the same in both."""
    ours, theirs = _marks(found.on_sample[TRAINED]), _marks(champion.on_sample[TRAINED])
    shared = [entry.item for entry in found.questions.values() if entry.item.choices and _same(entry.item, champion)]
    other = [item for item in shared if _choice(item, ours) != _choice(item, theirs)]
    better = [item for item in other if ours[item.item_id].value]
    worse = [item for item in other if theirs[item.item_id].value]
    neither = [item for item in other if not ours[item.item_id].value and not theirs[item.item_id].value]
    in_turn = [item for item in chain(*zip_longest(worse, better)) if item is not None]
    chapter = Chapter(
        title="Where the two chose differently",
        why="In turn one that only the champion and one that only this model has right; one for each clip.",
        examples=tuple(
            _question(item, [("this model", ours), (name, theirs)])
            for item in _one_for_each(_clip_of_item, [*in_turn, *neither])[:BESIDE]
        ),
    )
    return Disagreement(
        shared=len(shared),
        ours_right=len(better),
        theirs_right=len(worse),
        both_wrong=len(neither),
        chapter=chapter,
    )


def _same(item: Item, other: Findings) -> bool:
    entry = other.questions.get(item.item_id)
    return entry is not None and entry.item == item


def _choice(item: Item, marks: Mapping[str, Mark]) -> str | None:
    return chosen(item, marks[item.item_id].marked)


def _answer(answer: Answer) -> Example:
    said = (
        ("trained", answer.response_trained, answer.nll_trained),
        ("untrained", answer.response_untrained, answer.nll_untrained),
        ("wrong clip", answer.response_wrong_clip, answer.nll_wrong_clip),
    )
    return Example(
        clip_id=answer.clip_id,
        about=f"{answer.domain} · {_lost(answer):+.2f} nats a token by training",
        question=answer.prompt,
        wanted=answer.target,
        said=tuple(
            Said(who=who, text=text, remark=f"target: {nll / answer.target_tokens:.2f} nats a token")
            for who, text, nll in said
        ),
    )


def _question(item: Item, marks: Iterable[tuple[str, Mapping[str, Mark]]]) -> Example:
    return Example(
        clip_id=_clip_of_item(item),
        about=" · ".join((item.subset, *(item.slices[name] for name in ("kind", "corpus")))),
        question=item.instruction,
        wanted=item.label or "",
        choices=item.choices,
        said=tuple(_said(system, of_system[item.item_id]) for system, of_system in marks),
    )


def _said(who: str, mark: Mark) -> Said:
    if mark.metric == WORD_ERRORS:
        remark = f"word errors: {mark.value or 0:g} in {mark.weight:g} words"
        return Said(who=who, text=mark.marked, remark=remark, right=None if mark.value else True)
    return Said(who=who, text=mark.marked, remark="right" if mark.value else "wrong", right=bool(mark.value))


def _lost(answer: Answer) -> float:
    """Return by how many nats a token training made the target less likely."""
    return (answer.nll_trained - answer.nll_untrained) / answer.target_tokens


def _marks(result: Result) -> dict[str, Mark]:
    return {mark.item_id: mark for mark in result.marks}


def _one_for_each(clip: Callable[[T], str], rows: Iterable[T]) -> Sequence[T]:
    """Return the first row about each clip."""
    first: dict[str, T] = {}
    for row in rows:
        first.setdefault(clip(row), row)
    return list(first.values())


def _clip_of_answer(answer: Answer) -> str:
    return answer.clip_id


def _clip_of_item(item: Item) -> str:
    return clip_of(item.audio[0])
