"""Valid marks with defaults."""

from typing import Any

from components.evaluate_model.benchmarks.records import Mark, Outcome


def make_mark(item_id: str = "a", value: float | None = 1.0, **changes: Any) -> Mark:
    """A mark of one point."""
    values: dict[str, Any] = {
        "item_id": item_id,
        "metric": "accuracy",
        "cluster": item_id,
        "groups": ("all",),
        "outcome": Outcome.MARKED,
        "value": value,
    }
    return Mark(**{**values, **changes})
