"""What can be set when clips are described."""

from typing import Literal

from pydantic import Field

from components.core.settings import Settings


class ExtractMetadataSettings(Settings):
    """When speech is heard, who writes it down, and how long a description may get."""

    vad_threshold: float = Field(0.5, gt=0.15, lt=1, description="probability from which a frame of 32 ms is speech")
    transcribe: Literal["missing", "never"] = Field(
        "missing", description="let the encoder's Whisper write transcripts that the corpus does not have, or never"
    )
    detect_language: Literal["missing", "never"] = Field(
        "missing", description="ask the encoder's Whisper for languages that the corpus does not tell, or never"
    )
    asr_batch: int = Field(8, ge=1, description="clips that Whisper hears at once")
    max_asr_tokens: int = Field(128, ge=1, le=440, description="longest transcript that Whisper writes, in its tokens")
    longest_text: int = Field(
        600, ge=20, description="longest transcript or attribute in a description, in characters; the rest is cut"
    )
