"""What is true of all samples together: counted while they flow, judged at the end."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from components.core.contracts.artifacts import Tally
from components.core.contracts.records import GeneratorIdentity, Sample
from components.core.digests import digest_of
from components.validate_data.known_clips import KnownClips

ACCEPTED = "accepted"
KINDS = ("corpus", "domain", "category")
"""By what samples are counted; the category is that of the question."""
_UNKNOWN = "(unknown clip)"


class Overview:
    """Adds up samples, accepted and refused ones; flat however many there are."""

    def __init__(self, clips: KnownClips) -> None:
        self.tally = Tally()
        self.outcomes: dict[str, defaultdict[str, Counter[str]]] = {kind: defaultdict(Counter) for kind in KINDS}
        """By kind and name: how many samples were accepted, and how many refused for which reason."""
        self.tokens: Counter[tuple[int, bool]] = Counter()
        self.tenth_nats: Counter[tuple[int, bool]] = Counter()
        self.seconds: Counter[tuple[int, bool]] = Counter()
        """How many samples, accepted or not, have so many tokens, so many tenths of a nat a token, clips so long."""
        self._clips = clips
        self._generators: set[GeneratorIdentity] = set()
        self._parts: Counter[str] = Counter()
        self._nats = 0.0
        self._claimed_tokens = 0

    def see(self, sample: Sample, refusal: str | None) -> None:
        """Count a sample, refused for `refusal` or accepted."""
        self.tally.rows_in += 1
        self._generators.add(sample.generator)
        self._describe(sample, refusal)
        if refusal:
            self.tally.refused[refusal] += 1
            return
        self.tally.rows_out += 1
        self._parts[part_of(sample.split, sample.domain)] += 1
        if sample.nll_per_token is not None:
            self._nats += sample.nll_per_token * sample.response_tokens
            self._claimed_tokens += sample.response_tokens

    def _describe(self, sample: Sample, refusal: str | None) -> None:
        clip, accepted = self._clips.get(sample.clip_id), refusal is None
        names = (clip.corpus if clip else _UNKNOWN, sample.domain.value, category_of(sample.prompt_id))
        for kind, name in zip(KINDS, names, strict=True):
            self.outcomes[kind][name][refusal or ACCEPTED] += 1
        self.tokens[sample.response_tokens, accepted] += 1
        if sample.nll_per_token is not None:
            self.tenth_nats[int(10 * sample.nll_per_token), accepted] += 1
        if clip:
            self.seconds[int(clip.duration_s), accepted] += 1

    def facts(self) -> dict[str, Any]:
        """Return what is known of all samples.

        `absent` are the parts (`split/domain`) of the clips without an accepted sample; `nll_per_token` is the mean
        over the tokens of accepted answers (nats), `None` where the generator gave none; `shares` count the accepted.
        """
        parts = {part_of(split, domain) for domain, split, _ in self._clips.groups}
        said = sum(tokens * count for (tokens, accepted), count in self.tokens.items() if accepted)
        return {
            "acceptance": self.tally.rows_out / self.tally.rows_in,
            "accepted": dict(sorted(self._parts.items())),
            "absent": sorted(parts - set(self._parts)),
            "generators": sorted(digest_of(generator.model_dump()) for generator in self._generators),
            "nll_per_token": self._nats / self._claimed_tokens if self._claimed_tokens else None,
            "tokens_per_answer": said / self.tally.rows_out if self.tally.rows_out else None,
            "shares": {kind: _accepted(names) for kind, names in self.outcomes.items()},
        }


def _accepted(names: Mapping[str, Counter[str]]) -> dict[str, int]:
    return {name: counts[ACCEPTED] for name, counts in sorted(names.items()) if counts[ACCEPTED]}


def category_of(prompt_id: str) -> str:
    """Return the category of a prompt: `role_play` of `speech-role_play-026`."""
    return prompt_id.partition("-")[2].rpartition("-")[0] or "(none)"


def part_of(split: str, domain: str) -> str:
    """Name a part of the data."""
    return f"{split}/{domain}"
