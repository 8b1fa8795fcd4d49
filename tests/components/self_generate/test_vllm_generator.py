"""The real engine, once: batches of a few questions with answers of a few tokens."""

import math
from collections import Counter
from dataclasses import replace

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.digests import digest_of_bytes
from components.core.models.store import StoredModel
from components.self_generate.generation import DOES_NOT_FIT, replies_to
from components.self_generate.vllm_generator import VllmGenerator, vllm_identity
from tests.components.self_generate.making import ask, describe, make_decoding, make_prompt


@pytest.fixture
def generator(llm: StoredModel) -> VllmGenerator:
    return VllmGenerator(
        model=llm, dtype="float32", decoding=make_decoding(temperature=1.0), at_once=8, window_tokens=256
    )


def test_equal_batches_get_equal_replies_though_words_are_drawn(generator: VllmGenerator) -> None:
    questions = [ask(describe(number)) for number in range(8)]
    first = replies_to(questions, generator)
    assert replies_to(questions, generator) == first
    assert len({reply.response for reply in first}) > 4


def test_answers_do_not_depend_on_their_order(generator: VllmGenerator) -> None:
    questions = [ask(describe(number)) for number in range(8)]
    forwards = {reply.sample_id: reply.response for reply in replies_to(questions, generator)}
    backwards = {reply.sample_id: reply.response for reply in replies_to(questions[::-1], generator)}
    assert forwards == backwards


def test_words_are_drawn_as_often_as_the_model_finds_them_likely(generator: VllmGenerator) -> None:
    """160 clips described in the same words: their first words are 160 draws from one known distribution."""
    one_word = replace(generator, decoding=make_decoding(temperature=1.0, max_tokens=1))
    alike = [describe(0).model_copy(update={"clip_id": digest_of_bytes(bytes([n]))}) for n in range(160)]
    replies = replies_to([ask(description, make_prompt("Is it loud?")) for description in alike], one_word)
    counts = Counter(reply.response for reply in replies)
    likely = {r.response: math.exp(-r.nll_per_token) for r in replies if r.nll_per_token is not None}
    assert len(counts) > 1
    for word, probability in likely.items():
        deviation = math.sqrt(160 * probability * (1 - probability))
        assert abs(counts[word] - 160 * probability) < 4 * deviation + 1, word


def test_low_temperature_takes_likelier_words(generator: VllmGenerator) -> None:
    questions = [ask(describe(number)) for number in range(8)]
    hot = replies_to(questions, generator)
    cold = replies_to(questions, replace(generator, decoding=make_decoding(temperature=0.05)))
    assert sum(r.nll_per_token or 0 for r in cold) < 0.5 * sum(r.nll_per_token or 0 for r in hot)


def test_reply_counts_the_tokens_of_the_answer_without_its_end_mark(generator: VllmGenerator) -> None:
    brief = replace(generator, decoding=make_decoding(max_tokens=40))
    replies = replies_to([ask(describe(n), make_prompt("Is it loud? Say yes or no.")) for n in range(4)], brief)
    assert {reply.finish_reason for reply in replies} <= {"stop", "length"}
    for reply in replies:
        assert reply.response_tokens == 40 if reply.finish_reason == "length" else 0 < reply.response_tokens < 40
        assert reply.prompt_tokens > 30


def test_description_that_does_not_fit_is_left_unanswered_and_the_others_are_not(generator: VllmGenerator) -> None:
    endless = describe(1).model_copy(update={"seed_description": "la " * 300})
    long, short = replies_to([ask(endless), ask(describe(2))], generator)
    assert (long.finish_reason, long.response, long.nll_per_token) == (DOES_NOT_FIT, "", None)
    assert long.prompt_tokens > 300
    assert short.response
    assert replies_to([ask(endless)], generator)[0].finish_reason == DOES_NOT_FIT


def test_window_that_the_model_does_not_have_is_one_clear_error(generator: VllmGenerator) -> None:
    with pytest.raises(ConfigurationError, match=r"^self_generate: vLLM cannot start .*1000000"):
        replies_to([ask(describe(1))], replace(generator, window_tokens=1_000_000))


def test_identity_names_engine_version_and_weights(llm: StoredModel) -> None:
    identity = vllm_identity(llm)
    assert (identity.engine, identity.dtype) == ("vllm", "float32")
    assert identity.engine_version[0].isdigit()
