"""A judge whose replies are those of a function, which remembers what it was asked."""

from collections.abc import Callable, Iterator, Sequence

from components.evaluate_model.benchmarks.judging import JudgeIdentity, Question, Verdict


class ScriptedJudge:
    def __init__(self, reply: Callable[[str, int], str]) -> None:
        self._reply = reply
        self.asked: list[Question] = []

    @property
    def identity(self) -> JudgeIdentity:
        return JudgeIdentity(model="scripted", served_by="local")

    def judge(self, questions: Sequence[Question]) -> Iterator[Verdict]:
        self.asked += questions
        for question in reversed(questions):
            replies = tuple(self._reply(question.prompt, draw) for draw in range(question.draws))
            yield Verdict(question=question, replies=replies)
