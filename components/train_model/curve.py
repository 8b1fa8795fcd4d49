"""The loss over the steps as a picture."""

import json
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw_curve(metrics: Path, picture: Path) -> None:
    """Draw training and validation loss (nats a token) against steps."""
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    seen = [row for row in rows if "validation_loss" in row]
    figure, axes = plt.subplots(figsize=(7, 4), dpi=120)
    axes.plot([row["step"] + 1 for row in rows], [row["loss"] for row in rows], linewidth=1, label="training")
    axes.plot([row["step"] + 1 for row in seen], [row["validation_loss"] for row in seen], "o-", label="validation")
    axes.set(xlabel="step", ylabel="loss, nats a token")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(picture)
    plt.close(figure)
