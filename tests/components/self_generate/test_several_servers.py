"""Questions spread over real servers: by what is free, away from those in trouble, each answered once."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import SourceError
from components.core.digests import seed_of
from components.core.home import Home
from components.core.models.store import StoredModel
from components.self_generate.engine import answerer_of
from components.self_generate.generation import Reply, Stopped, replies_to
from components.self_generate.probe import Probe
from components.self_generate.server_generator import ServerGenerator, find_servers
from components.self_generate.settings import SelfGenerateSettings
from tests import desk as desks
from tests.components.self_generate import serving
from tests.components.self_generate.making import ask, describe, make_decoding, make_descriptions, make_samples
from tests.components.self_generate.serving import completion, stand_for
from tests.desk import Desk

QUESTIONS = [ask(describe(number)) for number in range(40)]


@pytest.fixture
def servers(llm: StoredModel, probed: Probe) -> Iterator[list[Desk]]:
    """Three servers that are alike."""
    with ExitStack() as stack:
        opened = [stack.enter_context(serving.opened()) for _ in range(3)]
        for server in opened:
            stand_for(server, llm, probed)
        yield opened


def settings_for(servers: Sequence[Desk], **changes: float) -> SelfGenerateSettings:
    addresses = ", ".join(server.address for server in servers)
    given = {"concurrency": 2, "retries": 2, "timeout_s": 20.0, "window_tokens": 256, **changes}
    return SelfGenerateSettings.model_validate({"server": addresses, **given})


def generator_for(llm: StoredModel, servers: Sequence[Desk], **changes: float) -> ServerGenerator:
    settings = settings_for(servers, **changes)
    return ServerGenerator(model=llm, servers=find_servers(llm, settings), settings=settings, decoding=make_decoding())


def seeds(servers: Sequence[Desk]) -> Counter[int]:
    """How often each question was asked, of all servers together."""
    return Counter(question["seed"] for server in servers for question in server.asked)


def contents(artifact: Artifact) -> dict[str, bytes]:
    """The bytes of a result."""
    return {path.name: path.read_bytes() for path in sorted(artifact.folder.iterdir())}


def made(llm: StoredModel, settings: SelfGenerateSettings, descriptions: Artifact, home: Home) -> Artifact:
    """Run the stage as it is run: the servers are found by the settings."""
    answerer = answerer_of(llm, settings)
    return make_samples(descriptions, answerer.generator, home, settings=settings, identity=answerer.identity)


def test_each_question_goes_to_one_server_and_all_have_about_as_many(llm: StoredModel, servers: list[Desk]) -> None:
    for server in servers:
        server.before_answer = lambda: time.sleep(0.01)
    generator = generator_for(llm, servers)
    replies = replies_to(QUESTIONS, generator)
    assert [reply.sample_id for reply in replies] == [question.sample_id for question in QUESTIONS]
    assert set(seeds(servers).values()) == {1}
    assert all(len(server.asked) >= 8 for server in servers)


def test_few_questions_go_to_different_servers(llm: StoredModel, servers: list[Desk]) -> None:
    generator = generator_for(llm, servers, concurrency=32)
    replies_to(QUESTIONS[:6], generator)
    assert [len(server.asked) for server in servers] == [2, 2, 2]


def test_a_slow_server_is_given_what_it_can_do_and_no_more(llm: StoredModel, servers: list[Desk]) -> None:
    quick_are_done = threading.Event()
    slow, *quick = servers
    slow.before_answer = lambda: quick_are_done.wait(20)

    def quick_answers() -> None:
        if len(seeds(servers)) == len(QUESTIONS):
            quick_are_done.set()

    for server in quick:
        server.before_answer = quick_answers
    replies_to(QUESTIONS, generator_for(llm, servers))
    assert len(slow.asked) == 2
    assert set(seeds(servers).values()) == {1}


def test_what_a_dying_server_had_goes_to_the_others_and_the_result_is_that_of_one_server(
    llm: StoredModel, servers: list[Desk], home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    descriptions = make_descriptions(home.root / "descriptions", [describe(number) for number in range(20)])
    settings = settings_for(servers).model_copy(update={"batch": 16, "prompts_per_clip": 2})
    alone = settings.model_copy(update={"server": servers[2].address})
    whole = made(llm, alone, descriptions, Home(home.root / "alone"))
    for server in servers:
        server.asked.clear()
    dying = servers[0]
    dying.before_answer = lambda: setattr(dying, "down", len(dying.asked) >= 4)

    spread = made(llm, settings, descriptions, home)

    assert contents(spread) == contents(whole)
    asked = seeds(servers)
    assert len(asked) == 40
    assert 0 < asked.total() - 40 <= 2, "what the server had when it died, and nothing else, is asked twice"
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "trouble" in line)
    assert line.startswith(f"self_generate: a server has trouble, trying again: {dying.address}/v1/completions: ")


def test_a_server_that_comes_back_is_asked_again(llm: StoredModel, servers: list[Desk]) -> None:
    back, other = servers[:2]
    back.troubles.append(desks.busy)
    other.before_answer = lambda: time.sleep(0.05)
    replies = replies_to(QUESTIONS, generator_for(llm, [back, other], concurrency=1))
    assert len(replies) == 40
    assert len(back.asked) > 5
    assert seeds([back, other]).total() == 41


def test_a_server_that_is_not_there_yet_is_not_waited_for_and_checked_when_it_comes(
    llm: StoredModel, servers: list[Desk]
) -> None:
    late, other = servers[:2]
    late.down = True
    generator = generator_for(llm, [late, other], concurrency=1)
    assert [server.served is None for server in generator.servers] == [True, False]
    late.down = False
    other.before_answer = lambda: time.sleep(0.05)
    assert len(replies_to(QUESTIONS, generator)) == 40
    assert late.asked
    assert generator.servers[0].served == generator.servers[1].served


def test_while_no_server_is_there_the_first_to_come_is_waited_for(llm: StoredModel, servers: list[Desk]) -> None:
    for server in servers:
        server.down = True
    threading.Timer(0.2, lambda: setattr(servers[1], "down", False)).start()
    found = find_servers(llm, settings_for(servers))
    assert [server.served is None for server in found] == [True, False, True]


def test_servers_that_are_all_gone_are_one_line_and_what_they_answered_is_kept(
    llm: StoredModel, servers: list[Desk]
) -> None:
    def all_gone() -> None:
        for server in servers:
            server.down = len(seeds(servers)) > 8

    for server in servers:
        server.before_answer = all_gone
    replies: list[Reply] = []
    with pytest.raises(
        Stopped, match=r"^self_generate.server: \d failures in a row, the last: http.* \d answers of this"
    ):
        replies.extend(generator_for(llm, servers, retries=1).generate(QUESTIONS))
    assert 0 < len(replies) <= 8
    assert len({reply.response for reply in replies}) == len(replies)


def test_a_question_that_brings_every_server_down_ends_it(llm: StoredModel, servers: list[Desk]) -> None:
    bad = seed_of(7, QUESTIONS[5].sample_id)

    def answer(question: dict[str, Any]) -> Any:
        return {"choices": []} if question["seed"] == bad else completion(question)

    for server in servers:
        server.answer = answer
    with pytest.raises(Stopped, match=r"4 failures in a row, the last: .*no answer that can be read"):
        replies_to(QUESTIONS, generator_for(llm, servers, retries=1))
    assert seeds(servers)[bad] == 4
    assert {sum(question["seed"] == bad for question in server.asked) for server in servers} == {1, 2}


def other_version(server: Desk) -> None:
    server.answers["/version"] = {"version": "0.31.0"}


def other_set_up(server: Desk) -> None:
    server.answers["/v1/completions"]["system_fingerprint"] = "vllm-0.32.0-tp2-0a1b2c3d"


def other_tokenizer(server: Desk) -> None:
    server.answers["/tokenize"]["tokens"] = [1, 2, 3]


OTHERS = pytest.mark.parametrize(
    ("other", "line"),
    [
        (other_version, "differs from the servers that answer already: engine_version is 0.31.0, and was 0.32.0; "),
        (other_set_up, "the fingerprint of its set-up is vllm-0.32.0-tp2-0a1b2c3d, and was vllm-0.32.0-0a1b2c3d; "),
        (other_tokenizer, "reads a conversation with another tokenizer or chat template"),
    ],
)


@OTHERS
def test_a_server_that_is_not_as_the_others_is_refused_by_its_address(
    llm: StoredModel, servers: list[Desk], other: Callable[[Desk], None], line: str
) -> None:
    other(servers[1])
    with pytest.raises(SourceError, match=f"^self_generate.server: {servers[1].address}: .*{re.escape(line)}"):
        find_servers(llm, settings_for(servers))


@OTHERS
def test_a_server_that_comes_late_and_is_another_is_asked_nothing(
    llm: StoredModel, servers: list[Desk], other: Callable[[Desk], None], line: str
) -> None:
    late, *there = servers
    other(late)
    late.down = True
    generator = generator_for(llm, servers, concurrency=1)
    late.down = False
    for server in there:
        server.before_answer = lambda: time.sleep(0.05)
    with pytest.raises(Stopped, match=f"^self_generate.server: {late.address}: .*{re.escape(line)}"):
        replies_to(QUESTIONS, generator)
    assert not late.asked
