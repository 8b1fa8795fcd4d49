"""The evaluation as a record: figures by name, and what they are made of."""

from collections.abc import Mapping
from typing import Any

from components.core.contracts.records import Domain, Record
from components.evaluate_model.benchmarks.comparison import Difference, compare
from components.evaluate_model.benchmarks.desta_sample import DESTA_SAMPLE, NOT_SPEECH, WORD_ERRORS
from components.evaluate_model.benchmarks.desta_sample import NAME as ACCURACY
from components.evaluate_model.benchmarks.desta_text import DESTA_TEXT
from components.evaluate_model.benchmarks.desta_text import NAME as TEXT
from components.evaluate_model.benchmarks.records import Figure
from components.evaluate_model.benchmarks.scoring import Result
from components.evaluate_model.scores import Scores

TRAINED, UNTRAINED, CASCADE, DESCRIBED = "trained", "untrained", "cascade", "described"
BASELINES = {
    UNTRAINED: "the adapter as it was before the first step",
    CASCADE: "the backbone reads what Whisper writes down, and hears nothing",
    DESCRIBED: "the backbone reads the description that corpus and tools give of the clip (what hearing could tell)",
}
"""What the trained model is measured beside in desta-sample, and what each of them is told."""
BEFORE, AFTER = "before", "after"
SHORT = {
    ACCURACY: "accuracy",
    NOT_SPEECH: "accuracy_sound_and_music",
    WORD_ERRORS: "word_errors",
    TEXT: "text_accuracy",
}
"""What the figures of the benchmarks are called beside those of other kinds."""


class Estimate(Record):
    """A figure, with its 95 % interval where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


class Report(Record):
    """Figures by the names that the policy, MLflow and the status use, and the groups that answers were scored in.

    `groups` has the held-out answers pooled, by domain, by whether the wrong clip was of the same domain, and by what
    is known of the clips.
    """

    figures: dict[str, Estimate]
    pooled: Scores
    domains: dict[Domain, Scores]
    groups: dict[str, Scores]

    def facts(self) -> dict[str, Any]:
        """Return the figures by flat names: an interval's ends are figures of their own."""
        ends = (
            (f"{name}{end}", value)
            for name, figure in self.figures.items()
            for end, value in (("", figure.value), ("_low", figure.low), ("_high", figure.high))
        )
        return {name: value for name, value in ends if value is not None}


def figures_of_answers(pooled: Scores, domains: Mapping[Domain, Scores]) -> dict[str, Estimate]:
    """Return what the likelihoods of the held-out answers come to."""
    gains = {f"audio_gain_{domain}": scores.audio_gain for domain, scores in domains.items()}
    return {
        "ppl_untrained": Estimate(value=pooled.ppl_untrained),
        "ppl_trained": Estimate(value=pooled.ppl_trained),
        "ppl_wrong_clip": Estimate(value=pooled.ppl_wrong_clip),
        "perplexity_drop": Estimate(value=1 - pooled.ppl_trained / pooled.ppl_untrained),
        **{
            name: Estimate(value=gain.value, low=gain.low, high=gain.high)
            for name, gain in {"audio_gain": pooled.audio_gain, **gains}.items()
        },
    }


def figures_of_sample(results: Mapping[str, Result]) -> dict[str, Estimate]:
    """Return what the model says of held-out clips beside the baselines, and by how much it is above each of them."""
    over = {system: compare(DESTA_SAMPLE, results[TRAINED], results[system]) for system in BASELINES}
    said = {
        f"{SHORT[figure.name]}{'' if system == TRAINED else f'_{system}'}": _estimate(figure)
        for system, result in results.items()
        for figure in result.figures
        if figure.name in SHORT
    }
    above = {
        f"{SHORT[difference.name]}_over_{system}": _estimate(difference)
        for system, differences in over.items()
        for difference in differences
        if difference.name in SHORT
    }
    return {**said, **above}


def figures_of_text(results: Mapping[str, Result]) -> dict[str, Estimate]:
    """Return what the backbone can do with text alone before training and after, and what it lost.

    `identical_texts` is the share of answers that are the same to the byte.
    """
    before, after = results[BEFORE], results[AFTER]
    same = [one.marked == other.marked for one, other in zip(before.marks, after.marks, strict=True)]
    (drop,) = (each for each in compare(DESTA_TEXT, before, after) if each.name == TEXT)
    (had,), (has,) = (
        [_estimate(figure) for figure in result.figures if figure.name == TEXT] for result in (before, after)
    )
    return {
        "text_accuracy_before": had,
        "text_accuracy": has,
        "text_accuracy_drop": _estimate(drop),
        "identical_texts": Estimate(value=sum(same) / len(same)),
    }


def _estimate(figure: Figure | Difference) -> Estimate:
    return Estimate(value=figure.value, low=figure.low, high=figure.high)
