"""A judge for tests."""

from collections.abc import Callable, Iterator, Sequence

from components.evaluate_model.benchmarks.judging import JudgeIdentity, Question, Verdict


class Scripted:
    """Answers each question with what `says` makes of it; `None` leaves the question out, as a spent budget does."""

    def __init__(self, says: Callable[[Question], str | None]) -> None:
        self.says = says
        self.asked: list[Question] = []

    @property
    def identity(self) -> JudgeIdentity:
        return JudgeIdentity(model="scripted", served_by="local")

    def judge(self, questions: Sequence[Question]) -> Iterator[Verdict]:
        self.asked += questions
        for question in questions:
            if (reply := self.says(question)) is not None:
                yield Verdict(question=question, replies=(reply,))
