"""What can be set when an adapter is trained."""

from typing import Self

from pydantic import Field, model_validator

from components.core.settings import Settings


class TrainModelSettings(Settings):
    """Architecture, optimisation and launch; the defaults learn to hear within some hundred steps on two cores."""

    steps: int = Field(90, ge=1, description="optimiser steps")
    batch: int = Field(8, ge=1, description="samples in a step, over all processes")
    learning_rate: float = Field(5e-4, gt=0, description="peak learning rate of AdamW")
    warmup_steps: int = Field(10, ge=0, description="steps of linear warm-up before the cosine")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's weight decay")
    gradient_clip: float = Field(1.0, gt=0, description="largest norm of a step's gradient")
    queries: int = Field(16, ge=1, description="audio vectors that the LLM sees for each clip (upstream: 64)")
    qformer_layers: int = Field(2, ge=1, description="layers of the shared Q-Former (upstream's released model: 6)")
    mask_frames: bool = Field(True, description="attend to the clip's own frames only (upstream: false)")
    normalise: bool = Field(True, description="normalise tapped features, without parameters (upstream: false)")
    query_scale: float = Field(1.0, gt=0, description="standard deviation of the queries at the start")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout inside the Q-Former")
    max_transcript_tokens: int = Field(
        100, ge=0, description="transcript tokens beside the audio vectors; the rest is cut (0: none)"
    )
    window_tokens: int = Field(300, ge=1, description="longest sequence; a sample that does not fit stops the stage")
    validate_every: int = Field(50, ge=1, description="steps between two looks at the validation split")
    validation_samples: int = Field(32, ge=0, description="samples of the validation split to look at")
    checkpoint_every: int = Field(10, ge=1, description="steps between two checkpoints")
    zero_stage: int = Field(2, ge=0, le=3, description="DeepSpeed ZeRO stage")
    processes: int = Field(1, ge=1, description="training processes on this machine")
    seed: int = Field(42, ge=0, description="seed of initialisation, order and dropout")

    @model_validator(mode="after")
    def _batch_divides(self) -> Self:
        if self.batch % self.processes:
            raise ValueError(f"batch {self.batch} must be a multiple of processes {self.processes}")
        return self
