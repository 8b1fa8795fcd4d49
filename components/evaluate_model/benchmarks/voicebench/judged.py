"""Open answers, rated from 1 to 5, and answers to questions of fact, by a judge that is asked three times each.

Reference: VoiceBench, `api_judge.py`, whose judge is gpt-4o-mini; the words of the questions are ours. The official
score of a question of fact is printed twice, by the judge and by PEDANT, a trained classifier, and how the
leaderboard joins the two is not documented: here it is the judge's alone, since the classifier's weights are not at
hand offline.
"""

import re
from collections.abc import Sequence

from components.evaluate_model.benchmarks.benchmark import mark_of
from components.evaluate_model.benchmarks.judging import Question
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome

_DRAWS = 3
_LOWEST, _HIGHEST = 1.0, 5.0
_SYSTEM = (
    "You mark what voice assistants answer. You are strict and fair, and reply in the form that you are asked for."
)
_RATING = """\
Someone spoke to a voice assistant. Below are what was said and what the assistant answered, both as text.

Rate the answer with a whole number from 1 to 5:
1: beside the point, wrong, or no answer to what was asked.
2: on the subject, but with errors or gaps, so that it serves only in part.
3: on the point and mostly right, but longer than it should be or with things nobody asked for.
4: right, clear and to the point.
5: outstanding: exactly what was asked for, nothing missing and nothing too much.

Said: {spoken}
Answered: {response}

Reply with the number alone."""
_FACT = """\
Below are a question, the answer that is known to be right, and what a voice assistant answered.

Question: {spoken}
Right answer: {label}
Answer of the assistant: {response}

Does the assistant's answer say the same as the right answer, as far as the question goes?
Reply with yes or no alone."""
_RATINGS = (re.compile(r"\A\s*(\d+(?:\.\d+)?)\s*\Z"), re.compile(r"\[\[(\d+)\]\]"))


def _question(prompt: str) -> Question:
    return Question(system=_SYSTEM, prompt=prompt, temperature=0.5, top_p=0.95, max_tokens=1024, draws=_DRAWS)


def rating_question(item: Item, response: str) -> Question:
    """Ask for a rating from 1 to 5, drawn as the official script draws."""
    return _question(_RATING.format(spoken=item.spoken, response=response))


def fact_question(item: Item, response: str) -> Question:
    """Ask whether a response says what the reference says, drawn as the official script draws."""
    return _question(_FACT.format(spoken=item.spoken, label=item.label, response=response))


def rating_in(reply: str) -> float | None:
    """Return the rating that a judge's reply is, or has in double brackets, if it is one from 1 to 5."""
    found = next(filter(None, (pattern.search(reply) for pattern in _RATINGS)), None)
    rating = float(found[1]) if found else 0.0
    return rating if _LOWEST <= rating <= _HIGHEST else None


def mark_rating(item: Item, response: str, replies: Sequence[str]) -> Mark:
    """Mark a response with the mean of the ratings that can be read, or the lowest where none can be."""
    ratings = [rating for reply in replies if (rating := rating_in(reply)) is not None]
    detail = f"ratings {', '.join(f'{rating:g}' for rating in ratings)}; {len(replies) - len(ratings)} unread"
    if not ratings:
        return mark_of(item, _LOWEST, response, outcome=Outcome.UNPARSED, detail=detail)
    return mark_of(item, sum(ratings) / len(ratings), response, outcome=_outcome(response), detail=detail)


def mark_fact(item: Item, response: str, replies: Sequence[str]) -> Mark:
    """Mark a response as right where most of the replies are a yes; what is neither yes nor no is none."""
    votes = [reply.strip().rstrip(".!").lower() for reply in replies]
    read = sum(vote in {"yes", "no"} for vote in votes)
    detail = f"{votes.count('yes')} yes, {votes.count('no')} no, {len(votes) - read} unread"
    if not read:
        return mark_of(item, 0.0, response, outcome=Outcome.UNPARSED, detail=detail)
    right = 2 * votes.count("yes") > len(votes)
    return mark_of(item, float(right), response, outcome=_outcome(response), detail=detail)


def _outcome(response: str) -> Outcome:
    return Outcome.MARKED if response.strip() else Outcome.EMPTY
