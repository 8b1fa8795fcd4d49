import math

import pytest

from components.core.contracts.records import Answer, Domain
from components.evaluate_model.scores import audio_gain, groups_of, score_answers
from tests.builders import make_clip


def make_answer(clip: int = 0, *, untrained: float = 20.0, trained: float = 10.0, wrong: float = 12.0) -> Answer:
    return Answer(
        sample_id=f"{clip:064x}",
        clip_id=f"{clip:064x}",
        domain=Domain.SOUND,
        prompt="What is it?",
        target="A dog.",
        target_tokens=10,
        wrong_clip_id="f" * 64,
        wrong_domain=Domain.MUSIC,
        nll_untrained=untrained,
        nll_trained=trained,
        nll_wrong_clip=wrong,
        response_untrained=None,
        response_trained=None,
        response_wrong_clip=None,
    )


def test_perplexity_is_over_all_tokens() -> None:
    scores = score_answers([make_answer(0, trained=10.0), make_answer(1, trained=20.0)], resamples=100, seed=0)

    assert scores.ppl_trained == pytest.approx(math.exp(1.5))
    assert scores.ppl_untrained == pytest.approx(math.exp(2.0))


def test_the_gain_is_the_difference_a_token_with_an_interval_around_it() -> None:
    gain = audio_gain([make_answer(n, wrong=11.0 + n % 3) for n in range(30)], resamples=1000, seed=0)

    assert gain.value == pytest.approx(0.2)
    assert 0.1 < gain.low < 0.2 < gain.high < 0.3


def test_questions_about_one_clip_count_as_one_observation() -> None:
    many = [make_answer(n, wrong=11.0 + n % 3) for n in range(6)]

    narrow = audio_gain([make_answer(n, wrong=11.0 + n % 3) for n in range(60)], resamples=1000, seed=0)
    wide = audio_gain(many * 10, resamples=1000, seed=0)

    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_the_interval_is_the_same_every_time() -> None:
    answers = [make_answer(n, wrong=11.0 + n % 3) for n in range(9)]

    assert audio_gain(answers, resamples=200, seed=1) == audio_gain(answers, resamples=200, seed=1)


def test_groups_are_what_is_known_of_the_clips_and_have_two_of_them() -> None:
    answers = [make_answer(n) for n in range(3)]
    clips = {
        answer.clip_id: make_clip(clip_id=answer.clip_id, language="en" if n else "fr", duration_s=1.0 + 4 * n)
        for n, answer in enumerate(answers)
    }

    groups = groups_of(answers, clips)

    assert {name: len(some) for name, some in groups.items()} == {
        "corpus: test": 3,
        "language: en": 2,
        "wrong clip of another domain": 3,
    }
