import json
from pathlib import Path

import pytest
from matplotlib import image

from components.train_model.curve import draw_curve, smoothed


@pytest.mark.parametrize("steps", [1, 40])
@pytest.mark.parametrize("seen", [False, True], ids=["no_validation", "validation"])
def test_any_training_has_a_picture(tmp_path: Path, steps: int, seen: bool) -> None:
    rows = [{"step": n, "loss": 3 / (n + 1), "learning_rate": 1e-4 * n} for n in range(steps)]
    last = {"validation_loss": 1.5} if seen else {}
    (tmp_path / "log").write_text("".join(json.dumps(row) + "\n" for row in (*rows[:-1], rows[-1] | last)))

    draw_curve(tmp_path / "log", tmp_path / "loss.png")

    drawn = image.imread(tmp_path / "loss.png")
    assert drawn.shape[0] > 500
    assert drawn[..., :3].std() > 0.01


def test_smoothing_keeps_a_level_and_follows_a_step() -> None:
    assert smoothed([2.0] * 20, 6) == pytest.approx([2.0] * 20)

    means = smoothed([0.0] * 30 + [1.0] * 30, 6)

    assert means[30] == pytest.approx(2 / 7, abs=0.01)
    assert means[-1] == pytest.approx(1.0, abs=1e-3)
