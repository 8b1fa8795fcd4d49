"""What can be set when samples are validated, each default with its reason; thresholds stand in the policy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from components.core.policies import STANDARD
from components.core.settings import Settings
from components.validate_data.blocklist import blocklist_digest
from components.validate_data.policy import POLICIES, Policy


class ValidateDataSettings(Settings):
    """By which policy samples are judged, and how the judge works.

    A policy and the changes to it become its content here, so that this travels to wherever the stage runs.
    """

    policy: Policy = Field(
        default_factory=POLICIES.standard, description=f"YAML file with all thresholds (default: {STANDARD})"
    )
    thresholds: str = Field(
        "", description="changes to the policy for this run: gates.min_acceptance=0.2,rules.default.max_compression=4"
    )
    blocklist: str = Field(
        "", description="file of sha256 digests, of audio files or of clips, that must not be in the data"
    )
    window_tokens: int = Field(
        300, ge=1, description="longest training sequence; set it as in train_model, which refuses what does not fit"
    )
    audio_queries: int = Field(
        64, ge=1, description="window positions that a clip takes; the upstream number, so that any adapter fits"
    )
    max_transcript_tokens: int = Field(
        100, ge=1, description="transcript tokens beside the clip, as in train_model; the rest is cut there"
    )
    measured_answers: int = Field(
        24, ge=0, description="accepted answers whose likelihood the backbone measures again; 0: none"
    )
    seed: int = Field(42, ge=0, description="seed of the choice of answers that are measured or shown")
    batch_rows: int = Field(4096, ge=1, description="samples in memory at a time")

    @model_validator(mode="before")
    @classmethod
    def _with_changes(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        return POLICIES.applied(values)

    @field_validator("blocklist")
    @classmethod
    def _from_anywhere(cls, blocklist: str) -> str:
        return str(Path(blocklist).absolute()) if blocklist else ""

    def deciding(self) -> dict[str, Any]:
        """Return what decides the result: the content of the blocklist, not its name."""
        return {**super().deciding(), "blocklist": blocklist_digest(self.blocklist)}
