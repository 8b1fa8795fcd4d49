"""Whether a model may be registered."""

from components.evaluate_model.scores import Scores
from components.evaluate_model.settings import EvaluateModelSettings


def refusals(scores: Scores, settings: EvaluateModelSettings) -> tuple[str, ...]:
    """Return one line for each condition that the pooled scores do not meet; none means passed."""
    lines = []
    drop = 1 - scores.ppl_trained / scores.ppl_untrained
    if drop < settings.min_perplexity_drop:
        lines.append(
            f"perplexity fell by {drop:.1%} ({scores.ppl_untrained:.2f} to {scores.ppl_trained:.2f}), "
            f"want at least {settings.min_perplexity_drop:.1%}"
        )
    gain = scores.audio_gain
    if not gain.low > settings.min_audio_gain:
        lines.append(
            f"audio gain {gain.value:.3f}: its 95 % interval begins at {gain.low:.3f}, "
            f"want it above {settings.min_audio_gain:.3f}"
        )
    return tuple(lines)
