"""What can be set when a model is evaluated; what it must reach stands in the policy."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from components.core.policies import STANDARD
from components.core.settings import Settings
from components.evaluate_model.policy import POLICIES, Policy


class EvaluateModelSettings(Settings):
    """How much is measured, and by which policy a model is judged.

    A policy and the changes to it become its content here, so that this travels to wherever the stage runs.
    """

    max_samples: int = Field(120, ge=2, description="held-out samples to measure, spread over the domains")
    answers: int = Field(24, ge=0, description="samples for which greedy answers are written, spread over the domains")
    answer_tokens: int = Field(32, ge=1, description="longest greedy answer")
    questions: int = Field(200, ge=0, description="questions of desta-sample about held-out clips; 0: none")
    text_questions: int = Field(16, ge=0, description="questions of desta-text, which have no audio; 0: none")
    text_tokens: int = Field(64, ge=1, description="longest answer to one of them")
    batch: int = Field(8, ge=1, description="samples in a forward pass")
    resamples: int = Field(2000, ge=100, description="bootstrap resamples of clips for the intervals")
    seed: int = Field(42, ge=0, description="seed of the choices, the wrong clips and the bootstrap")
    policy: Policy = Field(
        default_factory=POLICIES.standard, description=f"YAML file with what a model must reach (default: {STANDARD})"
    )
    thresholds: str = Field(
        "", description="changes to the policy for this run: minimum.audio_gain.above=-1,regression.min_shared=20"
    )

    @model_validator(mode="before")
    @classmethod
    def _with_changes(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        return POLICIES.applied(values)
