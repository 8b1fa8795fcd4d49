"""A batch that goes to a server: what is asked, what is made of the answers, and what troubles leave behind."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from components.core.contracts.records import Sample
from components.core.digests import seed_of
from components.core.home import Home
from components.core.models.store import StoredModel
from components.self_generate.generation import DOES_NOT_FIT, Reply, Stopped, replies_to
from components.self_generate.server_generator import ServerGenerator
from components.self_generate.server_identity import Served, served_name
from components.self_generate.server_pool import Standing
from components.self_generate.settings import SelfGenerateSettings
from components.self_generate.vllm_generator import vllm_identity
from tests import desk as desks
from tests.components.self_generate import serving
from tests.components.self_generate.making import ask, describe, make_decoding, make_descriptions, make_samples
from tests.components.self_generate.serving import FINGERPRINT
from tests.desk import Desk, Trouble

QUESTIONS = [ask(describe(number)) for number in range(8)]


@pytest.fixture
def desk() -> Iterator[Desk]:
    with serving.opened() as desk:
        yield desk


@pytest.fixture
def generator(desk: Desk, llm: StoredModel) -> ServerGenerator:
    return ServerGenerator(
        model=llm,
        servers=(Standing(desk.address, Served(served_name(llm, "float32"), FINGERPRINT, vllm_identity(llm))),),
        settings=SelfGenerateSettings(server=desk.address, concurrency=4, retries=1, window_tokens=256),
        decoding=make_decoding(temperature=0.7, top_p=0.9),
    )


def with_settings(generator: ServerGenerator, **changes: float) -> ServerGenerator:
    return replace(generator, settings=generator.settings.model_copy(update=changes))


def test_each_question_has_its_own_seed_and_the_tokens_that_the_model_reads(
    desk: Desk, generator: ServerGenerator
) -> None:
    (reply,) = replies_to(QUESTIONS[:1], generator)
    (asked,) = desk.asked
    seed = seed_of(7, QUESTIONS[0].sample_id)
    assert {name: asked[name] for name in ("seed", "temperature", "top_p", "max_tokens", "logprobs")} == {
        "seed": seed,
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 12,
        "logprobs": 0,
    }
    assert asked["model"] == served_name(generator.model, "float32")
    assert (reply.response, reply.finish_reason) == (f"seed {seed}", "stop")
    assert (reply.prompt_tokens, reply.response_tokens) == (len(asked["prompt"]), 2)
    assert reply.nll_per_token == pytest.approx(1.75 / 3)


def test_as_many_questions_as_allowed_are_on_their_way_together(desk: Desk, generator: ServerGenerator) -> None:
    together, here, most = threading.Barrier(4, timeout=20), 0, 0
    lock = threading.Lock()

    def meet() -> None:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        together.wait()
        with lock:
            here -= 1

    desk.before_answer = meet
    replies = replies_to(QUESTIONS, generator)
    assert [reply.sample_id for reply in replies] == [question.sample_id for question in QUESTIONS]
    assert most == 4


@pytest.mark.parametrize(
    "trouble",
    [desks.busy, desks.garbage, serving.without_likelihoods, desks.half, desks.hang_up, desks.silence],
)
def test_trouble_that_passes_is_one_line_and_costs_no_answer(
    desk: Desk, generator: ServerGenerator, trouble: Trouble, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.troubles.append(trouble)
    replies = replies_to(QUESTIONS[:2], with_settings(generator, timeout_s=1.0))
    assert len({reply.response for reply in replies}) == 2
    assert len(desk.asked) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"self_generate: a server has trouble, trying again: {desk.address}/v1/completions: ")


def test_trouble_that_stays_ends_the_batch_with_what_was_answered(desk: Desk, generator: ServerGenerator) -> None:
    replies: list[Reply] = []
    desk.before_answer = lambda: desk.troubles.extend([desks.busy] * 20 if len(desk.asked) == 5 else [])
    with pytest.raises(Stopped, match=r"^self_generate.server: 2 failures in a row, the last: http.*: 503 ") as stopped:
        replies.extend(with_settings(generator, concurrency=1).generate(QUESTIONS))
    assert [reply.sample_id for reply in replies] == [question.sample_id for question in QUESTIONS[:5]]
    assert "5 answers of this batch and all before it are kept" in str(stopped.value)
    assert len(desk.asked) == 7


def test_run_that_a_server_ended_goes_on_where_it_stopped(desk: Desk, generator: ServerGenerator, home: Home) -> None:
    """Batches of four: the server is gone after six answers, in the middle of the second."""
    descriptions = make_descriptions(home.root / "descriptions", [describe(number) for number in range(5)])
    patient = with_settings(generator, concurrency=1)
    undisturbed = make_samples(descriptions, patient, Home(home.root / "undisturbed"))
    desk.asked.clear()
    desk.before_answer = lambda: desk.troubles.extend([desks.busy] * 2 if len(desk.asked) == 6 else [])
    with pytest.raises(Stopped, match="2 answers of this batch"):
        make_samples(descriptions, patient, home)
    desk.asked.clear()

    resumed = make_samples(descriptions, patient, home)

    assert len(desk.asked) == 4
    assert list(resumed.read(Sample)) == list(undisturbed.read(Sample))


@pytest.mark.parametrize(
    ("trouble", "line"),
    [(desks.refuse, "400 Bad Request: .*such thing"), (desks.unknown, "401 .*DESTA_SERVER_KEY")],
)
def test_question_that_is_refused_is_not_asked_again(
    desk: Desk, generator: ServerGenerator, trouble: Trouble, line: str
) -> None:
    desk.troubles.append(trouble)
    with pytest.raises(Stopped, match=line):
        replies_to(QUESTIONS[:1], generator)
    assert len(desk.asked) == 1


def test_server_that_changes_in_the_middle_is_not_believed(generator: ServerGenerator) -> None:
    (server,) = generator.servers
    assert server.served
    server.served = replace(server.served, fingerprint="vllm-0.32.0-ffffffff")
    with pytest.raises(Stopped, match=r"changed from vllm-0\.32\.0-ffffffff to vllm-0.32.0-0a1b2c3d"):
        replies_to(QUESTIONS[:1], generator)


def test_question_that_the_window_cannot_hold_is_not_asked(desk: Desk, generator: ServerGenerator) -> None:
    endless = describe(1).model_copy(update={"seed_description": "la " * 300})
    long, short = replies_to([ask(endless), QUESTIONS[0]], generator)
    assert (long.finish_reason, long.response, long.nll_per_token) == (DOES_NOT_FIT, "", None)
    assert short.response
    assert len(desk.asked) == 1


def test_key_goes_with_each_question_and_into_no_line(
    desk: Desk, generator: ServerGenerator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DESTA_SERVER_KEY", "open-sesame")
    desk.troubles.extend([desks.busy, desks.unknown])
    with pytest.raises(Stopped) as stopped:
        replies_to(QUESTIONS[:1], generator)
    assert desk.keys == {"Bearer open-sesame"}
    assert "sesame" not in str(stopped.value) + capsys.readouterr().err
