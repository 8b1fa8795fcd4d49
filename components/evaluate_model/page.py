"""The page that people read: what a model reached, beside what, and answers to hear, in one file without links out."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.core.contracts.artifacts import Artifact
from components.core.listening import audio_of
from components.evaluate_model.benchmarks.comparison import Difference
from components.evaluate_model.confusion import MOST_ANSWERS, confusions
from components.evaluate_model.examples import Chapter, Example, chapters, disagreement
from components.evaluate_model.findings import Findings
from components.evaluate_model.policy import COMPARED
from components.evaluate_model.regression import Comparison
from components.evaluate_model.report import AFTER, BASELINES, BEFORE, TRAINED
from components.evaluate_model.tables import Axis, accuracies, axis_of, axis_of_gains, by_chance, gains

_TEMPLATE = "page.html.j2"
_LONGEST_SHOWN = 600
_FOLDED_FROM = 8
"""A table with more groups than this is folded, since it would hide what comes after it."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A question without audio, its answers before training and after, and how many of its rules they follow."""

    question: str
    before: str
    after: str
    rules: int
    followed_before: int
    followed_after: int

    @property
    def identical(self) -> bool:
        """Whether both answers are the same to the byte."""
        return self.before == self.after


def write_page(
    page: Path,
    found: Findings,
    clips: Artifact,
    beside: Comparison | None = None,
    champion: Findings | None = None,
) -> None:
    """Write the page with the audio of the clips that it gives examples of.

    `beside` says how the model differs from the champion, and `champion` what that one answered.
    """
    parts = {**_content(found), **_beside(found, beside, champion)}
    every = [*parts["chapters"], *([parts["apart"].chapter] if parts["apart"] else [])]
    heard = _heard(every)
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.get_template(_TEMPLATE).render(
        **parts, LONGEST=_LONGEST_SHOWN, FOLDED=_FOLDED_FROM, heard=heard, audio=dict(audio_of(clips, heard.keys()))
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")


def _content(found: Findings) -> dict[str, Any]:
    accuracy = accuracies(found.on_sample)
    settings = found.settings.model_dump(mode="json")
    trained = found.on_sample.get(TRAINED)
    return {
        "found": found,
        "figures": found.report.figures,
        "TRAINED": TRAINED,
        "BASELINES": BASELINES,
        "systems": {TRAINED: "accuracy", **{name: f"accuracy_{name}" for name in BASELINES}},
        "gains": gains(found.report),
        "gain_axis": axis_of_gains(found.report),
        "accuracies": accuracy,
        "shares": Axis(0, 1),
        "error_axis": axis_of(
            end for groups in accuracy.values() for of in groups.values() for each in of.values() for end in [each.high]
        ),
        "by_chance": by_chance(found.questions),
        "confusions": confusions(found.questions, trained) if trained else (),
        "MOST_ANSWERS": MOST_ANSWERS,
        "chapters": chapters(found),
        "texts": _texts(found),
        "policy": yaml.safe_dump(settings.pop("policy"), sort_keys=False, allow_unicode=True),
        "settings": settings,
    }


def _beside(found: Findings, beside: Comparison | None, champion: Findings | None) -> dict[str, Any]:
    """Return what is said of the champion; the differences that a policy can name are apart from those of groups."""
    differences: tuple[Difference, ...] = beside.differences if beside else ()
    apart = None
    if beside and champion and found.on_sample and champion.on_sample:
        apart = disagreement(found, champion, beside.champion)
    return {
        "beside": beside,
        "apart": apart,
        "axis": _axis_of,
        "compared": [each for each in differences if each.name in COMPARED],
        "grouped": [each for each in differences if each.name not in COMPARED],
    }


def _axis_of(differences: Iterable[Difference]) -> Axis:
    return axis_of(end for each in differences for end in (each.low, each.high))


def _texts(found: Findings) -> list[Text]:
    if not found.on_text:
        return []
    before, after = ({mark.item_id: mark for mark in found.on_text[name].marks} for name in (BEFORE, AFTER))
    return [
        Text(
            question=entry.item.instruction,
            before=before[key].marked,
            after=after[key].marked,
            rules=int(after[key].weight),
            followed_before=int(before[key].value or 0),
            followed_after=int(after[key].value or 0),
        )
        for key, entry in found.texts.items()
    ]


def _heard(every: Iterable[Chapter]) -> dict[str, Example]:
    """Return the first example about each clip: it is the one that plays it, since a second copy only costs room."""
    first: dict[str, Example] = {}
    for example in (example for chapter in every for example in chapter.examples):
        first.setdefault(example.clip_id, example)
    return first
