"""What can be set when a model is evaluated, its gate among it."""

from pydantic import Field

from components.core.settings import Settings


class EvaluateModelSettings(Settings):
    """How much is measured, and what a model must reach to be registered."""

    max_samples: int = Field(120, ge=2, description="held-out samples to measure, spread over the domains")
    answers: int = Field(24, ge=0, description="samples for which greedy answers are written, spread over the domains")
    answer_tokens: int = Field(32, ge=1, description="longest greedy answer")
    batch: int = Field(8, ge=1, description="samples in a forward pass")
    resamples: int = Field(2000, ge=100, description="bootstrap resamples of clips for the interval")
    seed: int = Field(42, ge=0, description="seed of the choice, the wrong clips and the bootstrap")
    min_perplexity_drop: float = Field(
        0.2, lt=1, description="gate: share by which training must lower held-out perplexity"
    )
    min_audio_gain: float = Field(
        0.0, description="gate: the lower end of the audio gain's 95 % interval must lie above this (nats a token)"
    )
