"""What can be set when samples are validated, each default with its reason."""

from pydantic import Field

from components.core.settings import Settings


class ValidateDataSettings(Settings):
    """What an answer must be like to be trained on, and how many must be."""

    window_tokens: int = Field(
        300, ge=1, description="longest training sequence; set it as in train_model, which refuses what does not fit"
    )
    audio_queries: int = Field(
        64, ge=1, description="window positions that a clip takes; the upstream number, so that any adapter fits"
    )
    max_transcript_tokens: int = Field(
        100, ge=1, description="transcript tokens beside the clip, as in train_model; the rest is cut there"
    )
    max_repeated_share: float = Field(
        0.25, ge=0, le=1, description="4-word phrases said before, over all; sound answers had 0.22 at most, loops more"
    )
    max_compression: float = Field(
        3.0, ge=1, description="bytes over zlib bytes; sound answers had 1.9 at most, loops in any script have more"
    )
    max_copied_attributes: int = Field(
        0, ge=0, description="'Name: value' pairs taken over as written; who hears does not speak in lists"
    )
    min_acceptance: float = Field(
        0.5, gt=0, le=1, description="accepted over all samples; with less the prompts or the generator are at fault"
    )
    max_nll: float = Field(
        2.0, gt=0, description="mean nats a token under the own generator; the embedded backbone's answers have 1.0"
    )
    batch_rows: int = Field(4096, ge=1, description="samples in memory at a time")
