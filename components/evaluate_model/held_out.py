"""Which held-out samples are measured, and which other clip each of them is given."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, islice, zip_longest

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Domain, Sample, Split
from components.core.digests import seed_of


def held_out(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples of the evaluation split, which no training has seen."""
    return [sample for sample in samples if sample.split is Split.EVALUATION]


def choose_samples(samples: Iterable[Sample], count: int, seed: int) -> list[Sample]:
    """Return at most `count` of the held-out samples, taken from the domains in turn in a seeded order.

    Raises:
        SourceError: there are fewer than two held-out clips, so that nothing can be compared.
    """
    by_domain: dict[Domain, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_domain[sample.domain].append(sample)
    queues = [sorted(by_domain[d], key=lambda s: seed_of(seed, "sample", s.sample_id)) for d in sorted(by_domain)]
    turns = chain.from_iterable(zip_longest(*queues))
    chosen = list(islice((sample for sample in turns if sample is not None), count))
    clips = {sample.clip_id for sample in chosen}
    if len(clips) < 2:
        raise SourceError(
            f"evaluate_model: {len(clips)} held-out clips, want at least 2; give the corpora an evaluation split"
        )
    return chosen


def wrong_clips(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """Return for each sample the sample whose clip it is made to hear: any other held-out clip, by a seeded shuffle.

    Clips are put in a seeded ring; the n-th question about a clip hears the clip n+1 places further.
    """
    first: dict[str, Sample] = {}
    for sample in samples:
        first.setdefault(sample.clip_id, sample)
    ring = sorted(first, key=lambda clip_id: seed_of(seed, "ring", clip_id))
    place = {clip_id: number for number, clip_id in enumerate(ring)}
    asked: dict[str, int] = defaultdict(int)
    others = []
    for sample in samples:
        step = 1 + asked[sample.clip_id] % (len(ring) - 1)
        asked[sample.clip_id] += 1
        others.append(first[ring[(place[sample.clip_id] + step) % len(ring)]])
    return others
