"""Perplexities and audio gain from the answers alone, with intervals."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from components.core.contracts.records import Answer, Clip, Record
from components.evaluate_model.benchmarks.desta_sample import duration_group


class Score(Record):
    """A figure with its bootstrap 95 % interval over `clips` clips and `samples` samples."""

    value: float
    low: float
    high: float
    samples: int
    clips: int


class Scores(Record):
    """What a group of answers says of a model: perplexities a token, and the audio gain in nats a token."""

    ppl_untrained: float
    ppl_trained: float
    ppl_wrong_clip: float
    audio_gain: Score


def score_answers(answers: Sequence[Answer], *, resamples: int, seed: int) -> Scores:
    """Measure a group of answers; perplexity is over all target tokens of the group."""
    return Scores(
        ppl_untrained=_perplexity(answers, lambda answer: answer.nll_untrained),
        ppl_trained=_perplexity(answers, lambda answer: answer.nll_trained),
        ppl_wrong_clip=_perplexity(answers, lambda answer: answer.nll_wrong_clip),
        audio_gain=audio_gain(answers, resamples=resamples, seed=seed),
    )


def groups_of(answers: Sequence[Answer], clips: Mapping[str, Clip]) -> dict[str, list[Answer]]:
    """Return the answers by what kind of clip was the wrong one, and by what is known of the right clip.

    A group of one clip has no interval, and is left out.
    """
    groups: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        same = "the same" if answer.domain is answer.wrong_domain else "another"
        groups[f"wrong clip of {same} domain"].append(answer)
        clip = clips[answer.clip_id]
        known = {
            "corpus": clip.source.corpus,
            "language": clip.language,
            "speaker": clip.speaker_id,
            "duration": duration_group(clip.duration_s),
        }
        for name, value in known.items():
            if value:
                groups[f"{name}: {value}"].append(answer)
    return {name: some for name, some in sorted(groups.items()) if len({answer.clip_id for answer in some}) > 1}


def audio_gain(answers: Sequence[Answer], *, resamples: int, seed: int) -> Score:
    """Return log-perplexity with the wrong clip minus that with the right one.

    Whole clips are drawn again, not single samples: questions about one clip are not independent.
    """
    clips = sorted({answer.clip_id for answer in answers})
    row = {clip_id: number for number, clip_id in enumerate(clips)}
    nats, tokens = np.zeros(len(clips)), np.zeros(len(clips))
    for answer in answers:
        nats[row[answer.clip_id]] += answer.nll_wrong_clip - answer.nll_trained
        tokens[row[answer.clip_id]] += answer.target_tokens
    low, high = _interval(nats, tokens, resamples, seed)
    value = float(nats.sum() / tokens.sum())
    return Score(value=value, low=low, high=high, samples=len(answers), clips=len(clips))


def _interval(nats: NDArray[np.float64], tokens: NDArray[np.float64], resamples: int, seed: int) -> tuple[float, float]:
    drawn = np.random.default_rng(seed).integers(len(nats), size=(resamples, len(nats)))
    means = nats[drawn].sum(axis=1) / tokens[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _perplexity(answers: Sequence[Answer], nll: Callable[[Answer], float]) -> float:
    return math.exp(sum(map(nll, answers)) / sum(answer.target_tokens for answer in answers))
