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
    max_loop_copies: int = Field(
        4, ge=1, description="times that a phrase may follow itself: 'tick tock' four times is a sound, five is a loop"
    )
    max_repeated_share: float = Field(
        0.5, ge=0, le=1, description="share of 4-word phrases that were used before; real answers stay below a third"
    )
    max_compression: float = Field(
        5.0, ge=1, description="bytes over zlib bytes from 200 bytes on; prose is about 2, a loop in any script above 5"
    )
    max_copied_attributes: int = Field(
        1, ge=0, description="'Name: value' pairs taken over as written; one may answer a question, two are a copy"
    )
    min_acceptance: float = Field(
        0.5, ge=0, le=1, description="accepted over all samples; with less the prompts or the generator are at fault"
    )
    max_nll: float = Field(
        2.0, gt=0, description="mean nats a token under the own generator; near-greedy answers of a model have below 1"
    )
    batch_rows: int = Field(4096, ge=1, description="samples in memory at a time")
