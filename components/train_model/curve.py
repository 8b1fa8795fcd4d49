"""The losses and the learning rate over the steps, as a picture."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator

_SMOOTHED_OVER = 8
"""The smoothed line looks back over about one of so many parts of the training."""


def draw_curve(metrics: Path, picture: Path) -> None:
    """Draw losses (nats a token: training, smoothed, validation) and below them the learning rate against the steps."""
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    figure, (above, below) = plt.subplots(
        2, 1, sharex=True, figsize=(8, 5.5), dpi=120, height_ratios=(3, 1), layout="constrained"
    )
    _draw_losses(above, rows)
    below.plot([row["step"] + 1 for row in rows], [row["learning_rate"] for row in rows], color="tab:green")
    below.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
    below.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (above, below):
        axes.grid(alpha=0.3)
    figure.savefig(picture)
    plt.close(figure)


def _draw_losses(axes: Any, rows: Sequence[dict[str, float]]) -> None:
    steps, losses = [row["step"] + 1 for row in rows], [row["loss"] for row in rows]
    seen = [row for row in rows if "validation_loss" in row]
    window = max(2, len(rows) // _SMOOTHED_OVER)
    axes.plot(steps, losses, color="tab:blue", alpha=0.3, linewidth=1, label="training, each step")
    axes.plot(steps, smoothed(losses, window), color="tab:blue", label=f"training, smoothed over {window} steps")
    axes.plot(
        [row["step"] + 1 for row in seen],
        [row["validation_loss"] for row in seen],
        "o-",
        color="tab:orange",
        label="validation",
    )
    last = f", validation {seen[-1]['validation_loss']:.3f}" if seen else ""
    axes.set(ylabel="loss, nats a token", title=f"after step {int(steps[-1])}: training {losses[-1]:.3f}{last}")
    axes.legend()


def smoothed(values: Sequence[float], window: int) -> list[float]:
    """Return the mean of each value and those before it, which count less the longer ago: half after `window` / 3."""
    keep = 1 - 2 / (window + 1)
    total, weight, means = 0.0, 0.0, []
    for value in values:
        total, weight = keep * total + value, keep * weight + 1
        means.append(total / weight)
    return means
