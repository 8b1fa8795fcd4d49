"""What can be set when the backbone writes the training targets."""

from pydantic import Field

from components.core.settings import Settings


class SelfGenerateSettings(Settings):
    """How many questions are asked, how the answers are drawn, and how they are batched."""

    prompts_per_clip: int = Field(3, ge=1, description="different prompts that each clip is asked about")
    temperature: float = Field(0.05, ge=0, description="sampling temperature; 0 takes the likeliest token")
    top_p: float = Field(1.0, gt=0, le=1, description="share of probability that tokens are drawn from")
    max_tokens: int = Field(40, ge=1, description="longest answer in tokens; a longer one is cut off")
    seed: int = Field(42, ge=0, description="seed of the choice of prompts and of the sampling")
    batch: int = Field(64, ge=1, description="questions that are answered together and kept together")
    window_tokens: int = Field(1024, ge=2, description="longest conversation, answer included, that the engine holds")
