"""What judges said, kept by its content: a question that a judge answered once is never asked again.

<folder>/<digest of who judges>.jsonl     one file for each judge, a verdict a line
<folder>/<digest of who judges>.lock      held while that judge is asked: a second run waits, then finds the verdicts
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Record
from components.core.digests import digest_of
from components.core.progress import Progress
from components.core.publishing import alone
from components.evaluate_model.benchmarks.journal import Journal
from components.evaluate_model.benchmarks.judging import Judge, JudgeIdentity, Question, Verdict


class KeptVerdict(Record):
    """A verdict, and whose it is."""

    judge: JudgeIdentity
    verdict: Verdict


class Judging(Record):
    """What a run needed of its judge, in questions: `kept` were answered by earlier runs, `asked` by this one.

    `left_out` are not answered, since the budget did not cover them.
    """

    judge: JudgeIdentity
    asked: int = Field(ge=0)
    kept: int = Field(ge=0)
    left_out: int = Field(ge=0)


class Budget:
    """How many more answers a judge may be asked for, one for each draw of a question; `None` for any number."""

    def __init__(self, answers: int | None) -> None:
        self.left = answers

    def cover(self, questions: Sequence[Question]) -> Sequence[Question]:
        """Take the price of questions, in their order, up to the first that would overspend; return those paid for."""
        paid: list[Question] = []
        for question in questions:
            if self.left is not None:
                if question.draws > self.left:
                    break
                self.left -= question.draws
            paid.append(question)
        return paid


class Remembered:
    """A judge that is asked only what it did not answer before."""

    def __init__(self, judge: Judge, folder: Path, budget: Budget) -> None:
        self._judge, self._folder, self._budget = judge, folder, budget
        self._asked = self._kept = self._left_out = 0

    @property
    def identity(self) -> JudgeIdentity:
        """Say who judges."""
        return self._judge.identity

    @property
    def judging(self) -> Judging:
        """Say what was needed of the judge so far."""
        return Judging(judge=self.identity, asked=self._asked, kept=self._kept, left_out=self._left_out)

    def judge(self, questions: Sequence[Question]) -> Iterator[Verdict]:
        """Answer questions, those first that are kept; each other answer is kept before it is given.

        Raises:
            SourceError: the judge failed.
            ContractError: the file of verdicts is damaged.
        """
        name = digest_of(self.identity.model_dump(mode="json"))
        with alone(self._folder / f"{name}.lock"):
            journal = Journal(self._folder / f"{name}.jsonl", KeptVerdict)
            known = {_key(kept.judge, kept.verdict.question): kept.verdict for kept in journal.records}
            keys = {question: _key(self.identity, question) for question in questions}
            found = [known[key] for key in keys.values() if key in known]
            self._kept += len(found)
            yield from found
            yield from self._answers(journal, [question for question, key in keys.items() if key not in known])

    def _answers(self, journal: Journal[KeptVerdict], missing: Sequence[Question]) -> Iterator[Verdict]:
        covered = self._budget.cover(missing)
        self._left_out += len(missing) - len(covered)
        if not covered:
            return
        verdicts = self._judge.judge(covered)
        label = f"judge {self.identity.model[:40]}"
        try:
            for verdict in Progress().track(verdicts, label=label, unit="questions", total=len(covered)):
                journal.keep(KeptVerdict(judge=self.identity, verdict=verdict))
                self._asked += 1
                yield verdict
        except SourceError as error:
            raise SourceError(
                f"judge {self.identity.model}: {error}; {len(journal.records)} verdicts of it are kept: the next run "
                "goes on from there"
            ) from error


def _key(judge: JudgeIdentity, question: Question) -> str:
    return digest_of({"judge": judge.model_dump(mode="json"), "question": question.model_dump(mode="json")})
