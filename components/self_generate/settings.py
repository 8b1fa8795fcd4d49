"""What can be set when the backbone writes the training targets."""

from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from components.core.callers import Caller
from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Seed, Temperature, TopP
from components.core.settings import ONLY_HOW, Settings

CALLER = Caller(name="self_generate", setting="self_generate.server", key_variable="DESTA_SERVER_KEY")
"""Who asks a server for answers."""


class SelfGenerateSettings(Settings):
    """How many questions are asked, how the answers are drawn, how they are batched, and who is asked."""

    prompts_per_clip: int = Field(3, ge=1, description="different prompts that each clip is asked about")
    temperature: Temperature = Field(0.05, description="sampling temperature; 0 takes the likeliest token")
    top_p: TopP = Field(1.0, description="share of probability that tokens are drawn from")
    max_tokens: int = Field(40, ge=1, description="longest answer in tokens; a longer one is cut off")
    seed: Seed = Field(42, description="seed of the choice of prompts and of the sampling")
    batch: int = Field(256, ge=1, description="questions that are answered together and kept together")
    at_once: int = Field(64, ge=1, description="questions of a batch that the engine has at a time")
    window_tokens: int = Field(1024, ge=2, description="longest conversation, answer included, that the engine holds")
    # On how many GPUs decides no more than on which: sums are rounded in another order, and the machine is no part of
    # the generator's identity. So a change of it asks nothing again; each kept answer names its machine, with this.
    tensor_parallel: Annotated[int, ONLY_HOW] = Field(
        1, ge=1, description="GPUs of this machine that the model is spread over, in this process"
    )
    server: Annotated[str, ONLY_HOW] = Field(
        "",
        description="address of a vLLM server that answers, scheme and host first, or of several with commas between;"
        " none: vLLM in this process",
    )
    concurrency: Annotated[int, ONLY_HOW] = Field(32, ge=1, description="questions that a server has at a time")
    retries: Annotated[int, ONLY_HOW] = Field(
        8, ge=0, description="failures of a server in a row that are tried again, after waits that double from 0.5 s"
    )
    timeout_s: Annotated[float, ONLY_HOW] = Field(
        120.0, gt=0, description="longest wait for one answer of a server, in seconds"
    )

    @field_validator("server")
    @classmethod
    def _has_addresses(cls, server: str, others: ValidationInfo) -> str:
        """Refuse what no server can stand behind; a secret in it is not repeated in the error."""
        if not server:
            return server
        addresses = [CALLER.address(text.strip()) for text in server.split(",")]
        if twice := next((address for address in addresses if addresses.count(address) > 1), None):
            raise ConfigurationError(f"{CALLER.setting}: {twice} is there twice; name each server once")
        if others.data.get("tensor_parallel", 1) > 1:
            raise ConfigurationError(
                f"{CALLER.setting}: tensor_parallel is for vLLM in this process; give the server --tensor-parallel"
            )
        return ",".join(addresses)

    @property
    def servers(self) -> tuple[str, ...]:
        """The addresses of the servers that are asked, none where vLLM answers in this process."""
        return tuple(self.server.split(",")) if self.server else ()


class ShardSettings(SelfGenerateSettings):
    """The settings of the whole, and which part of it one of several processes does."""

    shard: int = Field(0, ge=0, description="number of this shard, counted from 0")
    shards: int = Field(1, ge=1, description="number of shards")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.shard >= self.shards:
            raise ValueError(f"shard {self.shard} of {self.shards}: want 0 to {self.shards - 1}")
        return self

    @property
    def whole(self) -> SelfGenerateSettings:
        """The settings without the part."""
        return SelfGenerateSettings(**self.model_dump(exclude={"shard", "shards"}))


class ReplaySettings(Settings):
    """How much of a result is answered again, and which part."""

    fraction: float = Field(0.02, gt=0, le=1, description="part of the answers, rounded up to whole batches")
    seed: int = Field(0, ge=0, description="seed of the choice of batches")
