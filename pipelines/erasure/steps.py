"""The steps of an erasure in their order; each can be done again from its beginning, whenever a kill came."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.errors import ContractError
from components.core.corpora.entries import AUDIO_SUFFIXES
from components.core.corpora.reading import read_corpus
from components.core.home import Home
from components.core.stages import STAGES
from components.core.tombstones import read_tombstones, write_tombstones
from pipelines.erasure.absence import Scan
from pipelines.erasure.folders import ErasureFolder
from pipelines.erasure.found import DATA
from pipelines.erasure.leftovers import clean_databases, remove_leftovers
from pipelines.erasure.models import mark, move_evaluations
from pipelines.erasure.objects import forget_paths, objects_of, telling_objects
from pipelines.erasure.places import items_of_data
from pipelines.erasure.planning import Plan, results_of
from pipelines.erasure.publications import republish
from pipelines.erasure.recordings import corpora_below, take_out
from pipelines.erasure.results import Replaced, Versions
from pipelines.erasure.run_records import rewrite_runs
from pipelines.erasure.searching import Searcher
from pipelines.erasure.tracked import rewrite_tracked
from pipelines.journal import Event, read_journal, record_event
from pipelines.publish.published import FOLDER


@dataclass(frozen=True)
class Work:
    """One erasure at work on a home and a checkout."""

    plan: Plan
    folder: ErasureFolder
    home: Home
    root: Path

    def replaced(self, *steps: str) -> list[Replaced]:
        """Return the results that gave way in these steps."""
        found = (self.folder.result_of(step) or [] for step in steps)
        return [Replaced.model_validate(each, strict=False) for results in found for each in results]

    def versions(self, done: Mapping[str, str] | None = None) -> Versions:
        """Return what makes new versions of results, with the corpora as they are now."""
        now = {(corpus := read_corpus(folder)).policy.name: corpus.digest() for folder in corpora_below(self.root)}
        return Versions(
            erasure=self.plan.erasure,
            erased=self.plan.erased,
            sources={(name, before): now.get(name) for name, before in self.plan.corpora.items()},
            tombstones=read_tombstones(self.home).as_sources(),
            done=dict(done or {}),
        )

    @property
    def new_digests(self) -> dict[str, str]:
        """The new digests of results and published datasets by their old ones."""
        return {each.digest: each.new_digest for each in self.replaced("results", "published")}


def _tombstones(work: Work) -> None:
    """Let nothing of it come back in meanwhile."""
    traces = work.plan.erased.traces
    known = read_tombstones(work.home)
    write_tombstones(work.home, known.and_of(work.plan.erasure, frozenset(traces.clips), frozenset(traces.sources)))
    told = {entry.facts.get("erasure") for entry in read_journal(work.home) if entry.event is Event.ERASURE_STARTED}
    if work.plan.erasure not in told:
        facts = {"erasure": work.plan.erasure, "clips": len(traces.clips), "samples": len(traces.samples)}
        record_event(work.home, Event.ERASURE_STARTED, facts)


def _corpora(work: Work) -> None:
    """Take the recordings out of the corpora below data/, and copies of them out of the rest of it."""
    take_out(work.root, work.plan.erased.places)
    searcher = Searcher(work.plan.erased.traces)
    for item in items_of_data(work.root):
        if item.path and item.path.suffix.lower() in AUDIO_SUFFIXES:
            with item.open() as data:
                telling = searcher.find(item.name, data)
            if telling:
                item.path.unlink()


def _results(work: Work) -> list[dict[str, Any]]:
    """Write new versions of the results that held it, and of those made from them; the old ones are still there."""
    versions, planned = work.versions(), {(each.stage, each.key) for each in work.plan.results}
    folders = [folder for stage in STAGES for folder in results_of(work.home, stage.name)]
    old = (open_artifact(folder) for folder in folders if (folder.parent.name, folder.name) in planned)
    return [versions.make(artifact).model_dump(mode="json") for artifact in old]


def _published(work: Work) -> list[dict[str, Any]]:
    """Write the published datasets again that held it."""
    versions = work.versions({each.digest: each.new_digest for each in work.replaced("results")})
    for name in work.plan.published:
        republish(work.root / FOLDER / name, versions, work.folder.folder / "published" / name, work.home)
    records = sorted((work.folder.folder / "published").glob("*/*.json"))
    return [Replaced.model_validate_json(file.read_bytes()).model_dump(mode="json") for file in records]


def _runs(work: Work) -> None:
    """Let the records of runs name the new versions, and nothing of the subject."""
    rewrite_runs(work.home, work.root, work.plan.erased, work.replaced("results", "published"))


def _mlflow(work: Work) -> None:
    """Replace or remove what MLflow has of results that gave way."""
    rewrite_tracked(work.home, work.replaced("results"))


def _registry(work: Work) -> None:
    """Mark the models that learned from it."""
    mark(work.plan.models, work.plan.erasure, work.home)
    move_evaluations(work.new_digests, work.home)


def _removal(work: Work) -> None:
    """Remove the old versions, and everything else in the home that holds it."""
    for each in work.replaced("results"):
        shutil.rmtree(work.home.store / each.stage / each.key, ignore_errors=True)
    remove_leftovers(work.home, work.plan.erased)
    clean_databases(work.home, work.plan.erased)


def _dvc(work: Work) -> None:
    """Bring data/ under a new revision, here and on the remote."""
    with objects_of(work.root) as objects:
        if objects is None:
            return
        objects.versions.add_all([work.root / path for path in dict.fromkeys(_changed_below_data(work))])
        if len(objects.stores) > 1:
            objects.versions.push()


def _changed_below_data(work: Work) -> Iterator[Path]:
    """Yield what has changed or is gone: whole corpora and published datasets, and single files elsewhere."""
    for each in work.plan.files:
        path = Path(each.name)
        if each.place == DATA and each.name not in work.plan.shared:
            yield path if len(path.parts) <= _DEPTH or path.parts[1] not in _GROUPS else Path(*path.parts[:_DEPTH])


def _objects(work: Work) -> None:
    """Remove every object of the old revisions that held it."""
    with objects_of(work.root) as objects:
        if objects is None:
            return
        telling = telling_objects(objects, work.plan.erased, work.root)
        shared = objects.names_of(work.plan.shared)
        planned = {place: set(names) | telling.get(place, set()) for place, names in work.plan.objects.items()}
        objects.remove({place: names - shared for place, names in planned.items()})
    forget_paths(work.root)


def _verification(work: Work) -> dict[str, Any]:
    """Look at everything again.

    Raises:
        ContractError: something is left; names the first place.
    """
    with objects_of(work.root) as objects:
        known = objects.names_of(work.plan.shared) if objects else set()
    known |= set(work.plan.shared)
    scan = Scan(work.plan.erased.traces, work.home, work.root)
    for left in scan.left():
        if left.item.name not in known:
            raise ContractError(
                f"{left.where}: still holds {left.holds}; `desta erase --resume` goes on when it is removed"
            )
    return scan.scanned.model_dump(mode="json")


_GROUPS = ("corpora", FOLDER.name)
_DEPTH = 3
"""Of `data/corpora/<name>`."""

Step = Callable[[Work], Any]
STEPS: Mapping[str, Step] = {
    "tombstones": _tombstones,
    "corpora": _corpora,
    "results": _results,
    "published": _published,
    "runs": _runs,
    "mlflow": _mlflow,
    "registry": _registry,
    "removal": _removal,
    "dvc": _dvc,
    "objects": _objects,
    "verification": _verification,
}
"""What is done under which name, in this order."""
