"""What a server is asked, and what is made of its answers and troubles, over real connections."""

import threading
from collections.abc import Iterator

import pytest

from components.core.contracts.errors import ConfigurationError, SourceError
from components.evaluate_model.benchmarks.judging import JudgeIdentity, Question, Verdict
from components.evaluate_model.benchmarks.server_judge import ServerJudge
from tests import desk as desks
from tests.components.evaluate_model.benchmarks import chats
from tests.components.evaluate_model.benchmarks.chats import questions
from tests.desk import Desk, Handler, Trouble


@pytest.fixture
def desk() -> Iterator[Desk]:
    with chats.opened() as desk:
        yield desk


def judge_at(desk: Desk, *, retries: int = 1, concurrency: int = 4, timeout_s: float = 20) -> ServerJudge:
    return ServerJudge(
        address=desk.address, model="judge-1", retries=retries, concurrency=concurrency, timeout_s=timeout_s
    )


def replies(verdicts: Iterator[Verdict]) -> dict[str, tuple[str, ...]]:
    return {verdict.question.prompt: verdict.replies for verdict in verdicts}


def test_a_question_is_a_chat_with_the_sampling_that_it_wants(desk: Desk) -> None:
    question = Question(system="Be strict.", prompt="Right?", temperature=0.5, top_p=0.9, max_tokens=7)
    assert replies(judge_at(desk).judge([question])) == {"Right?": ("about Right?",)}
    assert desk.asked == [
        {
            "model": "judge-1",
            "messages": [{"role": "system", "content": "Be strict."}, {"role": "user", "content": "Right?"}],
            "temperature": 0.5,
            "top_p": 0.9,
            "max_tokens": 7,
        }
    ]


def test_each_draw_is_a_request_and_every_question_has_its_own_replies(desk: Desk) -> None:
    count = iter(range(100))
    desk.answer = lambda asked: chats.reply(f"{asked['messages'][0]['content']} {next(count)}")
    found = replies(judge_at(desk, concurrency=1).judge(questions(3, draws=2)))
    assert len(desk.asked) == 6
    for prompt, said in found.items():
        assert [reply.rsplit(" ", 1)[0] for reply in said] == [prompt] * 2
    assert len({reply for said in found.values() for reply in said}) == 6


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_an_address_may_end_in_v1_and_is_the_same_judge(desk: Desk, end: str) -> None:
    judge = ServerJudge(address=desk.address + end, model="judge-1")
    assert judge.identity == JudgeIdentity(model="judge-1", served_by=desk.address)
    assert replies(judge.judge(questions(1))) == {"question 0": ("about question 0",)}


def test_as_many_requests_as_allowed_are_on_their_way_together(desk: Desk) -> None:
    together, lock, here, most = threading.Barrier(4, timeout=20), threading.Lock(), 0, 0

    def meet() -> None:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        together.wait()
        with lock:
            here -= 1

    desk.before_answer = meet
    assert len(replies(judge_at(desk).judge(questions(8)))) == 8
    assert most == 4


def no_choice(handler: Handler) -> None:
    handler.tell(200, {"choices": []})


@pytest.mark.parametrize(
    "trouble",
    [desks.overrun, desks.busy, desks.garbage, desks.half, desks.hang_up, desks.silence, no_choice],
)
def test_trouble_that_passes_is_one_line_and_costs_no_verdict(
    desk: Desk, trouble: Trouble, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.troubles.append(trouble)
    found = replies(judge_at(desk, timeout_s=1.0).judge(questions(2)))
    assert found == {f"question {n}": (f"about question {n}",) for n in range(2)}
    assert len(desk.asked) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("judge: the server has trouble, trying again: ")


def test_an_answer_without_words_is_an_empty_reply(desk: Desk) -> None:
    desk.answer = lambda _: chats.reply(None)
    assert replies(judge_at(desk).judge(questions(1))) == {"question 0": ("",)}


def test_verdicts_come_as_they_are_answered(desk: Desk) -> None:
    verdicts = judge_at(desk, concurrency=1).judge(questions(50))
    next(verdicts)
    assert len(desk.asked) < 50
    verdicts.close()  # type: ignore[attr-defined]
    assert len(desk.asked) < 50


def test_trouble_that_stays_ends_it_after_the_verdicts_before(desk: Desk) -> None:
    desk.before_answer = lambda: desk.troubles.extend([desks.busy] * 20 if len(desk.asked) == 3 else [])
    said: list[Verdict] = []
    with pytest.raises(SourceError, match=rf"^{desk.address}/v1/chat/completions: 2 failures in a row, .*: 503 "):
        said.extend(judge_at(desk, concurrency=1).judge(questions(9)))
    assert [verdict.question.prompt for verdict in said] == ["question 0", "question 1", "question 2"]
    assert len(desk.asked) == 5


def test_a_question_that_is_refused_is_not_asked_again(desk: Desk) -> None:
    desk.troubles.append(desks.refuse)
    with pytest.raises(SourceError, match=r"400 Bad Request: .*such thing"):
        replies(judge_at(desk).judge(questions(1)))
    assert len(desk.asked) == 1


def test_the_key_goes_with_each_request_and_into_no_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DESTA_JUDGE_KEY", "open-sesame")
    monkeypatch.setenv("DESTA_SERVER_KEY", "another")
    desk.troubles.extend([desks.busy, desks.unknown])
    with pytest.raises(SourceError, match=r"401 .*DESTA_JUDGE_KEY") as refused:
        replies(judge_at(desk).judge(questions(1)))
    assert desk.keys == {"Bearer open-sesame"}
    assert "sesame" not in str(refused.value) + capsys.readouterr().err


def test_a_secret_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match=r"^--judge: .*DESTA_JUDGE_KEY") as refused:
        _ = ServerJudge(address="http://me:sesame@models", model="x").identity
    assert "sesame" not in str(refused.value)
