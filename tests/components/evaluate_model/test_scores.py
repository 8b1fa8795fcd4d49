import math

import pytest

from components.core.contracts.records import Answer, Domain
from components.evaluate_model.gate import refusals
from components.evaluate_model.scores import audio_gain, score
from components.evaluate_model.settings import EvaluateModelSettings


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
    scores = score([make_answer(0, trained=10.0), make_answer(1, trained=20.0)], resamples=100, seed=0)

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


@pytest.mark.parametrize(
    ("trained", "wrong", "lines"),
    [
        (10.0, 12.0, 0),
        (19.0, 21.0, 1),
        (10.0, 10.0, 1),
        (10.0, 9.0, 1),
        (21.0, 20.0, 2),
    ],
)
def test_the_gate_names_each_condition_that_is_not_met(trained: float, wrong: float, lines: int) -> None:
    answers = [make_answer(n, trained=trained, wrong=wrong) for n in range(5)]

    assert len(refusals(score(answers, resamples=100, seed=0), EvaluateModelSettings())) == lines


def test_a_refusal_says_what_was_wanted_and_what_was_found() -> None:
    answers = [make_answer(n, trained=19.0, wrong=19.0) for n in range(5)]

    fell, gain = refusals(score(answers, resamples=100, seed=0), EvaluateModelSettings())

    assert fell == "perplexity fell by 9.5% (7.39 to 6.69), want at least 20.0%"
    assert gain == "audio gain 0.000: its 95 % interval begins at 0.000, want it above 0.000"
