"""What can be set when audio is ingested."""

from typing import Self

from pydantic import Field, model_validator

from components.core.settings import Settings


class IngestAudioSettings(Settings):
    """Which recordings become clips, and how they are shared out over the splits."""

    min_s: float = Field(0.3, gt=0, description="shortest clip in seconds")
    max_s: float = Field(
        30.0,
        gt=0,
        le=30,
        description="longest clip in seconds, a longer recording is cut at pauses; the encoder hears 30 at the most",
    )
    silence_dbfs: float = Field(
        -60.0, le=0, description="a clip whose loudest tenth of a second stays below this level is silent"
    )
    validation_share: float = Field(0.1, ge=0, lt=1, description="share of validation, for rows without a split")
    evaluation_share: float = Field(0.2, ge=0, lt=1, description="share of evaluation, for rows without a split")
    max_clips: int = Field(
        0, ge=0, description="take no more recordings than this, from all domains and splits alike (0: all)"
    )
    seed: int = Field(42, ge=0, description="seed of the splits and of the choice that max_clips makes")

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.min_s >= self.max_s:
            raise ValueError(f"min_s {self.min_s:g} must be below max_s {self.max_s:g}")
        if self.validation_share + self.evaluation_share >= 1:
            raise ValueError("validation_share and evaluation_share must leave something to train on")
        return self
