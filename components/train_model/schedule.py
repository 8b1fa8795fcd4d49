"""The learning rate of each step."""

import math


def learning_rate_at(step: int, *, peak: float, warmup_steps: int, steps: int) -> float:
    """Return the rate of a step (0-based): linear warm-up to `peak`, then a cosine to zero (DeSTA2.5)."""
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))
