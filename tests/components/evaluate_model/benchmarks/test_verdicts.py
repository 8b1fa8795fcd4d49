"""Verdicts are kept by what was asked and whom, and the budget ends before it is overspent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts.errors import ContractError, SourceError
from components.evaluate_model.benchmarks.judging import JudgeIdentity, Question
from components.evaluate_model.benchmarks.server_judge import ServerJudge
from components.evaluate_model.benchmarks.verdicts import Budget, Judging, Remembered
from tests import desk as desks
from tests.components.evaluate_model.benchmarks import chats
from tests.components.evaluate_model.benchmarks.chats import questions
from tests.components.evaluate_model.benchmarks.judges import Scripted
from tests.conftest import REPOSITORY

RUN = """
import sys
from pathlib import Path
from components.evaluate_model.benchmarks.server_judge import ServerJudge
from components.evaluate_model.benchmarks.verdicts import Budget, Remembered
from tests.components.evaluate_model.benchmarks.chats import questions

judge = Remembered(ServerJudge(address=sys.argv[1], model="m", concurrency=1), Path(sys.argv[2]), Budget(None))
list(judge.judge(questions(6)))
"""


class Other(Scripted):
    """Another judge, who says the same."""

    @property
    def identity(self) -> JudgeIdentity:
        return JudgeIdentity(model="scripted", served_by="elsewhere")


def scripted() -> Scripted:
    return Scripted(lambda question: f"about {question.prompt}")


def remembered(judge: Scripted | ServerJudge, folder: Path, budget: int | None = None) -> Remembered:
    return Remembered(judge, folder, Budget(budget))


def asked_of(judge: Remembered, asked: Sequence[Question]) -> dict[str, tuple[str, ...]]:
    return {verdict.question.prompt: verdict.replies for verdict in judge.judge(asked)}


def counts(judge: Remembered) -> tuple[int, int, int]:
    return judge.judging.asked, judge.judging.kept, judge.judging.left_out


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    first, second = scripted(), scripted()
    before = asked_of(remembered(first, tmp_path), questions(3))
    again = remembered(second, tmp_path)
    assert asked_of(again, questions(4)) == {**before, "question 3": ("about question 3",)}
    assert second.asked == questions(4)[3:]
    assert again.judging == Judging(judge=second.identity, asked=1, kept=3, left_out=0)


@pytest.mark.parametrize(
    "change", [{"system": "s"}, {"temperature": 0.5}, {"top_p": 0.5}, {"max_tokens": 9}, {"draws": 2}]
)
def test_a_question_that_differs_in_anything_is_another(tmp_path: Path, change: dict[str, object]) -> None:
    asked_of(remembered(scripted(), tmp_path), questions(1))
    judge = scripted()
    asked_of(remembered(judge, tmp_path), questions(1, **change))
    assert judge.asked == questions(1, **change)


def test_another_judge_is_asked_for_itself(tmp_path: Path) -> None:
    asked_of(remembered(scripted(), tmp_path), questions(2))
    other = Other(lambda _: "other")
    assert asked_of(remembered(other, tmp_path), questions(2)) == {f"question {n}": ("other",) for n in range(2)}


def test_the_counts_are_of_all_that_a_judge_was_needed_for(tmp_path: Path) -> None:
    judge = remembered(scripted(), tmp_path, budget=3)
    asked_of(judge, questions(2))
    asked_of(judge, questions(5))
    assert counts(judge) == (3, 2, 2)


def test_a_torn_last_line_is_asked_again_and_nothing_else(tmp_path: Path) -> None:
    asked_of(remembered(scripted(), tmp_path), questions(3))
    (file,) = tmp_path.glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-20])
    for expected in (1, 0):
        judge = scripted()
        assert len(asked_of(remembered(judge, tmp_path), questions(3))) == 3
        assert len(judge.asked) == expected


def test_a_damaged_line_is_one_clear_error(tmp_path: Path) -> None:
    asked_of(remembered(scripted(), tmp_path), questions(2))
    (file,) = tmp_path.glob("*.jsonl")
    file.write_bytes(b"{}\n" + file.read_bytes())
    with pytest.raises(ContractError, match=rf"^{file}: line 1 is no KeptVerdict; remove the file to begin again$"):
        asked_of(remembered(scripted(), tmp_path), questions(2))


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """Killed while the server has the fourth question: three verdicts are on the disk."""
    with chats.opened() as desk:
        desk.before_answer = lambda: desk.closing.wait(20) if len(desk.asked) == 4 else None
        command = [sys.executable, "-c", RUN, desk.address, str(tmp_path)]
        process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        while len(desk.asked) < 4 and process.poll() is None:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        desk.before_answer = lambda: None
        desk.asked.clear()
        judge = remembered(ServerJudge(address=desk.address, model="m", concurrency=1), tmp_path)
        assert len(asked_of(judge, questions(6))) == 6
        assert [asked["messages"][0]["content"] for asked in desk.asked] == [f"question {n}" for n in (3, 4, 5)]
        assert counts(judge) == (3, 3, 0)


def test_a_server_that_fails_costs_no_verdict_and_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with chats.opened() as desk:
        server = ServerJudge(address=desk.address, model="m", concurrency=1, retries=1)
        desk.before_answer = lambda: desk.troubles.extend([desks.busy] * 2 if len(desk.asked) == 3 else [])
        with pytest.raises(SourceError) as failed:
            asked_of(remembered(server, tmp_path), questions(5))
        assert str(failed.value).startswith(f"judge m: {desk.address}/v1/chat/completions: 2 failures in a row")
        assert str(failed.value).endswith("; 3 verdicts of it are kept: the next run goes on from there")
        assert "\n" not in str(failed.value)
        assert capsys.readouterr().err.count("trouble") == 1
        desk.asked.clear()
        desk.before_answer = lambda: None
        assert len(asked_of(remembered(server, tmp_path), questions(5))) == 5
        assert len(desk.asked) == 2


def test_a_verdict_is_on_the_disk_before_it_is_given(tmp_path: Path) -> None:
    for number, _ in enumerate(remembered(scripted(), tmp_path).judge(questions(3)), 1):
        (file,) = tmp_path.glob("*.jsonl")
        assert len(file.read_text().splitlines()) == number


def test_verdicts_under_the_name_of_another_judge_are_not_believed(tmp_path: Path) -> None:
    asked_of(remembered(scripted(), tmp_path / "a"), questions(1))
    asked_of(remembered(Other(lambda _: "other"), tmp_path / "b"), questions(1))
    (mine,), (others,) = (tmp_path / "a").glob("*.jsonl"), (tmp_path / "b").glob("*.jsonl")
    others.write_bytes(mine.read_bytes())
    assert asked_of(remembered(Other(lambda _: "other"), tmp_path / "b"), questions(1)) == {"question 0": ("other",)}


@pytest.mark.parametrize(("budget", "answered"), [(0, 0), (2, 0), (3, 1), (8, 2), (9, 3), (None, 3)])
def test_a_question_costs_its_draws_and_the_budget_is_never_overspent(
    tmp_path: Path, budget: int | None, answered: int
) -> None:
    with chats.opened() as desk:
        judge = remembered(ServerJudge(address=desk.address, model="m"), tmp_path, budget)
        assert len(asked_of(judge, questions(3, draws=3))) == answered
        assert len(desk.asked) == 3 * answered
    assert counts(judge) == (answered, 0, 3 - answered)


def test_what_is_kept_costs_nothing(tmp_path: Path) -> None:
    asked_of(remembered(scripted(), tmp_path), questions(5))
    judge = remembered(scripted(), tmp_path, budget=0)
    assert len(asked_of(judge, questions(6))) == 5
    assert counts(judge) == (0, 5, 1)


@given(st.lists(st.integers(1, 5)), st.integers(0, 30))
def test_the_budget_covers_the_longest_beginning_that_it_can_pay(draws: list[int], answers: int) -> None:
    asked = [Question(prompt=str(number), draws=price) for number, price in enumerate(draws)]
    budget = Budget(answers)
    covered = budget.cover(asked)
    spent = sum(question.draws for question in covered)
    assert covered == asked[: len(covered)]
    assert budget.left == answers - spent >= 0
    assert len(covered) == len(asked) or spent + draws[len(covered)] > answers
