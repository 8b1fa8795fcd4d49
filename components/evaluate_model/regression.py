"""A model beside the champion: the same figures on what both were asked, item by item, and what became worse."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Answer, Record
from components.evaluate_model.benchmarks.benchmark import Benchmark
from components.evaluate_model.benchmarks.comparison import Difference, compare, difference_of
from components.evaluate_model.benchmarks.desta_sample import DESTA_SAMPLE
from components.evaluate_model.benchmarks.desta_text import DESTA_TEXT
from components.evaluate_model.benchmarks.intervals import Bootstrap, Numbers
from components.evaluate_model.benchmarks.scoring import Material, read_material, score
from components.evaluate_model.policy import Regression
from components.evaluate_model.report import AFTER, SHORT, TRAINED
from components.evaluate_model.settings import EvaluateModelSettings

ANSWERS = "held-out answers"
_ASKED = ((DESTA_SAMPLE, TRAINED), (DESTA_TEXT, AFTER))


class Comparison(Record):
    """How a model differs from the champion on what both were asked; `refusals` are the policy's lines it misses.

    `shared` counts what both were asked: held-out answers, and items by their benchmark.
    """

    champion: str
    shared: dict[str, int]
    differences: tuple[Difference, ...]
    refusals: tuple[str, ...]


def beside_champion(ours: Artifact, theirs: Artifact, name: str, settings: EvaluateModelSettings) -> Comparison:
    """Compare two finished evaluations; each resample draws the same clips for both.

    Raises:
        ContractError: a file of one of them is damaged.
        SourceError: one has no answers to a benchmark.
    """
    bootstrap = Bootstrap(settings.seed, settings.resamples)
    pairs = _shared_answers(ours, theirs)
    shared, differences = {ANSWERS: len(pairs)}, list(_of_answers(pairs, bootstrap))
    for benchmark, system in _ASKED:
        mine, other = _shared_items(benchmark, ours.folder, theirs.folder, system)
        shared[benchmark.name] = len(mine.entries)
        if mine.entries:
            differences += _of_items(benchmark, mine, other, bootstrap)
    lines = _refusals(shared, {each.name: each for each in differences}, settings.policy.regression)
    return Comparison(champion=name, shared=shared, differences=tuple(differences), refusals=tuple(lines))


def _shared_answers(ours: Artifact, theirs: Artifact) -> list[tuple[Answer, Answer]]:
    """Return the answers of both to the same samples, under the same language model: other losses say nothing."""
    if ours.manifest.lineage.models["llm"] != theirs.manifest.lineage.models["llm"]:
        return []
    other = {answer.sample_id: answer for answer in theirs.read(Answer)}
    return [(answer, other[answer.sample_id]) for answer in ours.read(Answer) if answer.sample_id in other]


def _of_answers(pairs: Sequence[tuple[Answer, Answer]], bootstrap: Bootstrap) -> Iterator[Difference]:
    if not pairs:
        return
    clips: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for mine, other in pairs:
        gains = [each.nll_wrong_clip - each.nll_trained for each in (mine, other)]
        clips[mine.clip_id].append((mine.nll_trained, other.nll_trained, *gains, mine.target_tokens))
    sums = np.array([np.sum(clips[clip_id], axis=0) for clip_id in sorted(clips)])
    drawn = bootstrap.counts(ANSWERS, len(sums)) @ sums
    mine_loss, other_loss, mine_gain, other_gain = (_a_token(drawn, column) for column in range(4))
    yield difference_of("loss", mine_loss - other_loss, more_is_worse=True)
    yield difference_of("audio_gain", mine_gain - other_gain, more_is_worse=False)


def _a_token(sums: Numbers, column: int) -> Numbers:
    return np.asarray(sums[:, column] / sums[:, -1])


def _shared_items(benchmark: Benchmark, ours: Path, theirs: Path, system: str) -> tuple[Material, Material]:
    mine, other = (_answered(benchmark, folder / benchmark.name / system) for folder in (ours, theirs))
    both = [item_id for item_id, item in mine.items.items() if other.items.get(item_id) == item]
    return _only(mine, both), _only(other, both)


def _answered(benchmark: Benchmark, folder: Path) -> Material:
    """Return what a system answered; an evaluation that asked nothing has no folder for it."""
    if not folder.is_dir():
        return Material({}, {})
    (file,) = benchmark.files(folder)
    return read_material(benchmark, file, None)


def _only(material: Material, item_ids: Sequence[str]) -> Material:
    return Material(
        {item_id: material.entries[item_id] for item_id in item_ids},
        {item_id: material.predictions[item_id] for item_id in item_ids},
    )


def _of_items(benchmark: Benchmark, ours: Material, theirs: Material, bootstrap: Bootstrap) -> list[Difference]:
    mine, other = (
        score(benchmark, material, None, post="as-it-is", seed=bootstrap.seed, resamples=bootstrap.resamples)
        for material in (ours, theirs)
    )
    found = compare(benchmark, mine, other)
    return [each.model_copy(update={"name": SHORT.get(each.name, each.name)}) for each in found]


def _refusals(shared: Mapping[str, int], differences: Mapping[str, Difference], policy: Regression) -> Iterator[str]:
    for asked, count in shared.items():
        if count < policy.min_shared:
            yield (
                f"regression.min_shared: both were asked {count} {asked}, want at least {policy.min_shared}; "
                "promote by hand"
            )
    for name in policy.figures:
        found = differences.get(name)
        if found and found.worse:
            yield (
                f"regression.{name}: {name} differs by {found.value:+.3f} from the champion's "
                f"[{found.low:+.3f}, {found.high:+.3f}], which is worse"
            )
