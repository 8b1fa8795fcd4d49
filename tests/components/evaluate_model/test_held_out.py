import pytest

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Domain, Sample, Split
from components.evaluate_model.held_out import choose_samples, held_out, wrong_clips
from tests.builders import make_sample


def some(clips: int, domain: Domain = Domain.SOUND, questions: int = 2) -> list[Sample]:
    return [
        make_sample(
            clip_id=f"{domain:.<9}{clip}".encode().hex().ljust(64, "0"),
            domain=domain,
            split=Split.EVALUATION,
            prompt=f"{n}?",
        )
        for clip in range(clips)
        for n in range(questions)
    ]


def test_only_the_evaluation_split_is_measured() -> None:
    samples = [*some(3), make_sample(split=Split.TRAIN), make_sample(split=Split.VALIDATION)]

    assert {sample.split for sample in held_out(samples)} == {Split.EVALUATION}


def test_a_small_choice_still_has_every_domain() -> None:
    samples = [*some(20, Domain.SPEECH), *some(3, Domain.SOUND), *some(3, Domain.MUSIC)]

    assert {sample.domain for sample in choose_samples(samples, 3, seed=0)} == set(Domain)


def test_the_choice_does_not_depend_on_the_order_of_the_samples() -> None:
    samples = some(9)

    assert choose_samples(samples, 5, seed=0) == choose_samples(samples[::-1], 5, seed=0)


@pytest.mark.parametrize("clips", [0, 1])
def test_too_few_clips_are_an_error_that_says_what_to_do(clips: int) -> None:
    with pytest.raises(
        SourceError, match=f"{clips} held-out clips, want at least 2; give the corpora an evaluation split"
    ):
        choose_samples(some(clips), 9, seed=0)


@pytest.mark.parametrize("clips", [2, 3, 10])
def test_the_wrong_clip_is_never_the_right_one(clips: int) -> None:
    samples = some(clips, questions=5)

    others = wrong_clips(samples, seed=0)

    assert all(sample.clip_id != other.clip_id for sample, other in zip(samples, others, strict=True))


def test_questions_about_one_clip_hear_different_wrong_clips() -> None:
    samples = some(10, questions=3)

    others = wrong_clips(samples, seed=0)

    assert len({other.clip_id for other in others[:3]}) == 3
