"""A judge for tests."""

from collections.abc import Callable, Iterator, Sequence

from components.evaluate_model.benchmarks.judging import JudgeIdentity, Question, Verdict


class Scripted:
    """Answers each question with what `says` makes of it, one reply or several, the last question first.

    `None` leaves the question out, as a spent budget does.
    """

    def __init__(self, says: Callable[[Question], str | Sequence[str] | None]) -> None:
        self.says = says
        self.asked: list[Question] = []

    @property
    def identity(self) -> JudgeIdentity:
        return JudgeIdentity(model="scripted", served_by="local")

    def judge(self, questions: Sequence[Question]) -> Iterator[Verdict]:
        self.asked += questions
        for question in reversed(questions):
            if (said := self.says(question)) is not None:
                yield Verdict(question=question, replies=(said,) if isinstance(said, str) else tuple(said))
