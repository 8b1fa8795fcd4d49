"""The evaluation as a record for machines and as a page for people."""

from collections.abc import Sequence
from typing import Any

from components.core.contracts.records import Answer, Domain, Record
from components.evaluate_model.scores import Scores


class Report(Record):
    """Scores pooled, by the domain of the right clip, and by whether the wrong clip was of the same domain."""

    pooled: Scores
    domains: dict[Domain, Scores]
    wrong_within: Scores | None
    wrong_across: Scores | None

    def facts(self) -> dict[str, Any]:
        """Return the figures that the run's status and MLflow show."""
        pooled = self.pooled
        facts = {
            "ppl_untrained": pooled.ppl_untrained,
            "ppl_trained": pooled.ppl_trained,
            "ppl_wrong_clip": pooled.ppl_wrong_clip,
            "audio_gain": pooled.audio_gain.value,
            "audio_gain_low": pooled.audio_gain.low,
            "audio_gain_high": pooled.audio_gain.high,
        }
        return facts | {f"audio_gain_{domain}": scores.audio_gain.value for domain, scores in self.domains.items()}

    def groups(self) -> dict[str, Scores]:
        """Return every group that has answers, by the name it is shown under."""
        within = {"wrong clip of the same domain": self.wrong_within, "wrong clip of another domain": self.wrong_across}
        return {
            "all": self.pooled,
            **{str(d): s for d, s in self.domains.items()},
            **{n: s for n, s in within.items() if s},
        }


def as_markdown(report: Report, answers: Sequence[Answer], refusals: Sequence[str]) -> str:
    """Write the page: verdict, scores with intervals, and what the model said beside what it should have said."""
    verdict = "Passed the gate." if not refusals else "Refused: " + "; ".join(refusals)
    table = "\n".join(_row(name, scores) for name, scores in report.groups().items())
    examples = "\n".join(_example(answer) for answer in answers if answer.response_trained is not None)
    return f"""# Evaluation

{verdict}

Perplexity of the held-out targets under three conditions. Audio gain = log-perplexity with the wrong clip minus that
with the right one, in nats a token, with a bootstrap 95 % interval over clips.

| group | samples | clips | untrained | trained | wrong clip | audio gain |
|---|---|---|---|---|---|---|
{table}

## What it says

{examples}
"""


def _row(name: str, scores: Scores) -> str:
    gain = scores.audio_gain
    return (
        f"| {name} | {gain.samples} | {gain.clips} | {scores.ppl_untrained:.2f} | {scores.ppl_trained:.2f} "
        f"| {scores.ppl_wrong_clip:.2f} | {gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}] |"
    )


def _example(answer: Answer) -> str:
    said = {
        "target": answer.target,
        "untrained": answer.response_untrained,
        "trained": answer.response_trained,
        f"hearing another clip ({answer.wrong_domain})": answer.response_wrong_clip,
    }
    lines = "\n".join(f"- {who}: {_line(text)}" for who, text in said.items())
    return f"**{answer.domain}**, clip {answer.clip_id[:12]}: {_line(answer.prompt)}\n\n{lines}\n"


def _line(text: str | None) -> str:
    return " ".join((text or "(nothing)").split())
