import pytest

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Sample, Split
from components.core.models.loading import load_tokenizer
from components.core.models.splice import Splicer
from components.core.models.store import StoredModel
from components.train_model.examples import Example, examples_of, with_other_clips
from tests.builders import make_generator, make_sample


@pytest.fixture(scope="module")
def splicer(llm: StoredModel) -> Splicer:
    return Splicer(load_tokenizer(llm.folder), max_transcript_tokens=20)


def read(samples: list[Sample], splicer: Splicer, window: int = 300) -> list[Example]:
    return list(examples_of(samples, Split.TRAIN, make_generator(), splicer, queries=16, window=window))


def test_only_the_asked_split_is_read(splicer: Splicer) -> None:
    samples = [make_sample(split=split) for split in Split]

    assert [example.sample_id for example in read(samples, splicer)] == [samples[0].sample_id]


@pytest.mark.parametrize("part", ["weights", "tokenizer", "chat_template"])
def test_a_sample_of_another_generator_is_refused(splicer: Splicer, part: str) -> None:
    sample = make_sample(generator=make_generator(**{part: "f" * 64}))

    with pytest.raises(
        ContractError, match=rf"sample {sample.sample_id}: written by .*differs in {part} f+ \(here [abc]+\); generate"
    ):
        read([sample], splicer)


def test_the_engine_that_ran_the_backbone_does_not_matter(splicer: Splicer) -> None:
    assert len(read([make_sample(generator=make_generator(engine="other", engine_version="9"))], splicer)) == 1


def test_a_sample_is_never_cut_to_fit(splicer: Splicer) -> None:
    sample = make_sample(response="word " * 80)

    with pytest.raises(ContractError, match="positions, the window has 90; raise window_tokens"):
        read([sample], splicer, window=90)


def test_each_part_that_differs_is_named(splicer: Splicer) -> None:
    sample = make_sample(generator=make_generator(tokenizer="f" * 64, chat_template="e" * 64))

    with pytest.raises(ContractError, match=r"differs in tokenizer f+ .*, chat_template e+ "):
        read([sample], splicer)


@pytest.mark.parametrize("response", ["", " \n"])
def test_a_sample_whose_answer_has_nothing_to_learn_is_refused(splicer: Splicer, response: str) -> None:
    sample = make_sample(response=response)

    with pytest.raises(ContractError, match=f"sample {sample.sample_id}: its answer .* has no word to learn"):
        read([sample], splicer)


@pytest.mark.parametrize("clips", ["ab", "aabbc", "abcdef0"])
def test_every_example_gets_the_clip_of_another_one(splicer: Splicer, clips: str) -> None:
    examples = read([make_sample(clip_id=clip * 64) for clip in clips], splicer)

    others = with_other_clips(examples)

    assert [other.ids for other in others] == [example.ids for example in examples]
    assert all(other.clip_id != example.clip_id for other, example in zip(others, examples, strict=True))
    assert {other.clip_id for other in others} == {example.clip_id for example in examples}


def test_examples_about_one_clip_have_no_others(splicer: Splicer) -> None:
    assert with_other_clips(read([make_sample(), make_sample()], splicer)) == []
    assert with_other_clips([]) == []
