"""A check of a cluster: what it asks, how it judges, and the finding that becomes of both."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from components.core.contracts.errors import DestaError
from pipelines.cluster_checks.asking import Json, Kubernetes, NotPermitted
from pipelines.cluster_checks.questions import Question
from pipelines.findings import Finding, State

_AT_ONCE = 4
Answer = Json | None | DestaError


class Verdict(NamedTuple):
    """What a check makes of what it saw."""

    state: State
    detail: str
    mend: str = ""


def well(detail: str) -> Verdict:
    """Return that all is well."""
    return Verdict(State.OK, detail)


def doubtful(detail: str, mend: str) -> Verdict:
    """Return what lets runs go on."""
    return Verdict(State.WARNING, detail, mend)


def lacking(detail: str, mend: str) -> Verdict:
    """Return what stops runs."""
    return Verdict(State.ERROR, detail, mend)


@dataclass(frozen=True)
class Check:
    """One check; `judge` gets the answers in the order of the questions, and looks at nothing else."""

    name: str
    asks: Sequence[Question]
    judge: Callable[..., Verdict]

    def finding(self, answers: Mapping[Question, Answer]) -> Finding:
        """Return what it finds, which for answers that did not come is why they did not."""
        seen = [answers[question] for question in self.asks]
        if fault := next((answer for answer in seen if isinstance(answer, DestaError)), None):
            return Finding(self.name, *unseen(fault))
        return Finding(self.name, *self.judge(*seen))


def unseen(fault: DestaError) -> Verdict:
    """Return what is said where something could not be looked at."""
    if isinstance(fault, NotPermitted):
        return doubtful(
            f"cannot look: {fault}", "ask who runs the cluster for it; infra/kubernetes/parts/doctor grants it"
        )
    return lacking(str(fault), "see what it says, and run this again")


def examined(checks: Sequence[Check], kubernetes: Kubernetes) -> list[Finding]:
    """Ask each question once, several beside each other, and return what each check finds."""
    questions = list(dict.fromkeys(question for check in checks for question in check.asks))
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        answers = dict(zip(questions, pool.map(lambda asked: _answer(kubernetes, asked), questions), strict=True))
    return [check.finding(answers) for check in checks]


def _answer(kubernetes: Kubernetes, question: Question) -> Answer:
    try:
        return kubernetes.answer(question)
    except DestaError as fault:
        return fault
