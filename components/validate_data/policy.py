"""The policy: every threshold by which samples are judged, read from a file that says its version."""

from pathlib import Path

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from components.core.contracts.records import Domain
from components.core.policies import PolicyReader
from components.core.settings import Settings


class Limits(Settings):
    """Thresholds for one sample; `None` where a domain or a corpus leaves it as it is."""

    max_time_stamp_excess_s: float | None = Field(None, ge=0)
    max_same_answers: int | None = Field(None, ge=0)
    max_repeated_share: float | None = Field(None, ge=0, le=1)
    max_compression: float | None = Field(None, ge=1)
    max_foreign_letters: float | None = Field(None, ge=0, le=1)
    min_function_words: float | None = Field(None, ge=0, le=1)
    max_copied_attributes: int | None = Field(None, ge=0)

    @model_serializer(mode="wrap")
    def _written(self, dump: SerializerFunctionWrapHandler) -> dict[str, int | float]:
        return {name: value for name, value in dump(self).items() if value is not None}


class Rules(Settings):
    """Thresholds for samples: all of them by default, some of them otherwise for a domain or a corpus."""

    default: Limits
    domain: dict[Domain, Limits] = Field(default_factory=dict)
    corpus: dict[str, Limits] = Field(default_factory=dict)

    @field_validator("default")
    @classmethod
    def _complete(cls, default: Limits) -> Limits:
        if missing := [name for name, value in default if value is None]:
            raise ValueError(f"{missing[0]} is missing; write all of {', '.join(Limits.model_fields)}")
        return default

    def limits(self, domain: str, corpus: str | None) -> dict[str, float]:
        """Return all thresholds for a sample by their names: the most specific of each."""
        layers = (self.default, self.domain.get(Domain(domain)), self.corpus.get(corpus or ""))
        return {name: value for layer in layers if layer for name, value in layer.model_dump().items()}


class GateLimits(Settings):
    """Thresholds for all samples together."""

    min_acceptance: float = Field(gt=0, le=1)
    max_nll: float = Field(gt=0)
    max_nll_difference: float = Field(gt=0)


class DriftLimits(Settings):
    """How far a dataset may be from the one accepted before it without a warning."""

    max_share_shift: float = Field(ge=0, le=1)
    max_acceptance_change: float = Field(ge=0, le=1)
    max_length_change: float = Field(ge=0)
    max_nll_change: float = Field(ge=0)


class Policy(Settings):
    """All thresholds, and the version that their author gave them."""

    version: str = Field(min_length=1)
    rules: Rules
    gates: GateLimits
    drift: DriftLimits


POLICIES = PolicyReader(
    stage="validate_data",
    model=Policy,
    shipped=Path(__file__).with_name("policy.yaml"),
    example="gates.min_acceptance=0.2",
    free_names=("rules", "corpus"),
)
