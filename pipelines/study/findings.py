"""What a study found: a record for machines, a table and a picture for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes

from components.core.contracts.artifacts import read_manifest
from components.core.contracts.records import Domain, Record
from components.core.publishing import write_file

mpl.use("Agg")
from matplotlib import pyplot as plt

RECORD, TABLE, PICTURE = "findings.json", "findings.md", "audio_gain.png"


class Look(Record):
    """What training saw of the validation split after so many steps."""

    step: int
    minutes: float
    loss: float
    audio_gain: float | None


class Finding(Record):
    """What came of one condition; audio gains in nats a token, on held-out clips, with a bootstrap 95 % interval."""

    condition: str
    changes: Mapping[str, Any]
    steps: int
    minutes: float
    ppl_untrained: float
    ppl_trained: float
    audio_gain: float
    audio_gain_low: float
    audio_gain_high: float
    audio_gain_of: Mapping[str, float]
    looks: tuple[Look, ...]

    @property
    def gain_per_minute(self) -> float:
        """Audio gain for each minute of training."""
        return self.audio_gain / self.minutes


class Failure(Record):
    """A condition that could not be trained or measured; what it said stands on the terminal."""

    condition: str
    changes: Mapping[str, Any]
    error: str


def finding_of(condition: str, changes: Mapping[str, Any], model: Path, report: Path) -> Finding:
    """Read what was found from a trained model and its evaluation."""
    facts = read_manifest(report).facts
    rows = [json.loads(line) for line in (model / "training.jsonl").read_text().splitlines()]
    minutes = [sum(row["seconds"] for row in rows[: number + 1]) / 60 for number in range(len(rows))]
    return Finding(
        condition=condition,
        changes=changes,
        steps=len(rows),
        minutes=minutes[-1],
        ppl_untrained=facts["ppl_untrained"],
        ppl_trained=facts["ppl_trained"],
        audio_gain=facts["audio_gain"],
        audio_gain_low=facts["audio_gain_low"],
        audio_gain_high=facts["audio_gain_high"],
        audio_gain_of={d.value: facts[name] for d in Domain if (name := f"audio_gain_{d}") in facts},
        looks=tuple(
            Look(step=row["step"] + 1, minutes=spent, loss=row["validation_loss"], audio_gain=row.get("audio_gain"))
            for row, spent in zip(rows, minutes, strict=True)
            if "validation_loss" in row
        ),
    )


def write_findings(folder: Path, findings: Sequence[Finding], failures: Sequence[Failure]) -> None:
    """Write record, table and picture of what is known so far."""
    known = {"findings": findings, "failures": failures}
    rows = {name: [each.model_dump(mode="json") for each in some] for name, some in known.items()}
    write_file(folder / RECORD, json.dumps(rows, indent=1) + "\n")
    write_file(folder / TABLE, table(findings, failures))
    if findings:
        draw(findings, folder / PICTURE)


def table(findings: Sequence[Finding], failures: Sequence[Failure]) -> str:
    """Return the findings as Markdown, the best condition first."""
    ranked = sorted(findings, key=lambda finding: -finding.audio_gain)
    domains = list(dict.fromkeys(domain for finding in findings for domain in finding.audio_gain_of))
    head = ["condition", "perplexity", "audio gain (95 %)", *domains, "steps", "minutes", "gain a minute"]
    lines = [head, ["---"] * len(head), *(_cells(finding, domains) for finding in ranked)]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return text + "".join(f"\n{failure.condition}: {failure.error}\n" for failure in failures)


def _cells(finding: Finding, domains: Sequence[str]) -> list[str]:
    return [
        finding.condition,
        f"{finding.ppl_untrained:.2f} → {finding.ppl_trained:.2f}",
        f"{finding.audio_gain:.3f} [{finding.audio_gain_low:.3f}, {finding.audio_gain_high:.3f}]",
        *(f"{finding.audio_gain_of[domain]:.3f}" if domain in finding.audio_gain_of else "" for domain in domains),
        str(finding.steps),
        f"{finding.minutes:.1f}",
        f"{finding.gain_per_minute:.4f}",
    ]


def draw(findings: Sequence[Finding], picture: Path) -> None:
    """Draw audio gain against steps while training, and against minutes at the end."""
    figure, (against_steps, against_minutes) = plt.subplots(1, 2, figsize=(13, 5.5), dpi=110, width_ratios=(3, 2))
    colours = plt.get_cmap("tab20")
    for number, finding in enumerate(findings):
        _draw_looks(against_steps, finding, colours(number % 20))
        error = [[finding.audio_gain - finding.audio_gain_low], [finding.audio_gain_high - finding.audio_gain]]
        against_minutes.errorbar(
            finding.minutes, finding.audio_gain, yerr=error, fmt="o", capsize=3, color=colours(number % 20)
        )
    against_steps.set(xlabel="step", ylabel="audio gain, nats a token", title="validation split, while training")
    against_minutes.set(xlabel="minutes of training", title="held-out clips, at the end (95 % interval)")
    for axes in (against_steps, against_minutes):
        axes.axhline(0, color="grey", linewidth=0.8)
        axes.grid(alpha=0.3)
    figure.legend(*against_steps.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")
    figure.tight_layout(rect=(0, 0.04 + 0.035 * (len(findings) // 4 + 1), 1, 1))
    figure.savefig(picture)
    plt.close(figure)


def _draw_looks(axes: Axes, finding: Finding, colour: Any) -> None:
    heard = [(look.step, look.audio_gain) for look in finding.looks if look.audio_gain is not None]
    axes.plot(
        [step for step, _ in heard], [gain for _, gain in heard], marker=".", color=colour, label=finding.condition
    )
