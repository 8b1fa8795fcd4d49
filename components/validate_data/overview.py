"""What is true of all samples together: counted while they flow, judged at the end."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from components.core.contracts.artifacts import Tally
from components.core.contracts.records import GeneratorIdentity, Sample
from components.core.digests import digest_of


class Overview:
    """Adds up samples, accepted and refused ones; flat however many there are."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._generators: set[GeneratorIdentity] = set()
        self._parts: Counter[str] = Counter()
        self._nats = 0.0
        self._tokens = 0

    def see(self, sample: Sample, refusal: str | None) -> None:
        """Count a sample, refused for `refusal` or accepted."""
        self.tally.rows_in += 1
        self._generators.add(sample.generator)
        if refusal:
            self.tally.refused[refusal] += 1
            return
        self.tally.rows_out += 1
        self._parts[part_of(sample.split, sample.domain)] += 1
        if sample.nll_per_token is not None:
            self._nats += sample.nll_per_token * sample.response_tokens
            self._tokens += sample.response_tokens

    def facts(self, parts: Iterable[str]) -> dict[str, Any]:
        """Return what is known of all samples, given the parts (`split/domain`) that the clips have.

        `nll_per_token` is the mean over the tokens of accepted answers (nats), `None` where the generator gave none.
        """
        return {
            "acceptance": self.tally.rows_out / self.tally.rows_in,
            "accepted": dict(sorted(self._parts.items())),
            "absent": sorted(set(parts) - set(self._parts)),
            "generators": sorted(digest_of(generator.model_dump()) for generator in self._generators),
            "nll_per_token": self._nats / self._tokens if self._tokens else None,
        }


def part_of(split: str, domain: str) -> str:
    """Name a part of the data."""
    return f"{split}/{domain}"
