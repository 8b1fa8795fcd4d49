"""The plan of an erasure: everything that will change or go, found by looking, before anything is touched."""

import secrets
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.core.contracts.artifacts import MANIFEST, read_manifest
from components.core.contracts.records import Record, Sha256
from components.core.corpora.reading import read_corpus
from components.core.home import Home
from components.core.stages import STAGES
from pipelines.erasure.finding import find_erased
from pipelines.erasure.found import Found
from pipelines.erasure.models import MarkedModel, models_of
from pipelines.erasure.objects import Objects, objects_of, telling_objects
from pipelines.erasure.people import left_to_people
from pipelines.erasure.places import Item, items_of_data, items_of_home
from pipelines.erasure.pruning import Pruner
from pipelines.erasure.recordings import corpora_below, is_telling_table
from pipelines.erasure.results import TRAINED
from pipelines.erasure.searching import Searcher, sha256_of
from pipelines.erasure.subject import Erased, Subject

_LINES = "lines about it"
_SHOWN = 3


class ResultFound(Record):
    """A result in the store that gets a new version; `rows` leave it."""

    stage: str
    key: Sha256
    digest: Sha256
    rows: int


class Plan(Record):
    """What an erasure does; kept in clear until its certificate is written.

    `corpora` are those below `data/` with their digests; `shared` are files there that only people can write again.
    """

    erasure: str
    at: str
    reason: str
    erased: Erased
    results: tuple[ResultFound, ...]
    published: tuple[str, ...]
    corpora: dict[str, Sha256]
    files: tuple[Found, ...]
    shared: tuple[str, ...]
    objects: dict[str, tuple[str, ...]]
    models: tuple[MarkedModel, ...]
    people: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(_lines(self))


@dataclass(frozen=True)
class _Everything:
    home: tuple[Item, ...]
    data: tuple[Item, ...]
    kept: tuple[Item, ...]


def plan_erasure(subject: Subject, reason: str, home: Home, root: Path) -> Plan:
    """Look at everything, and plan the erasure of a subject.

    Raises:
        ConfigurationError: there is nothing to erase, or data/ is not here as `data.dvc` names it.
        DestaError: something cannot be looked into.
    """
    with objects_of(root) as objects:
        if objects:
            objects.versions.require_cached()
        items = _Everything(
            home=tuple(item for item in items_of_home(home) if not item.evidence),
            data=tuple(items_of_data(root)),
            kept=tuple(objects.items()) if objects else (),
        )
        erased = find_erased(subject, [*items.home, *items.data, *items.kept], root)
        return _planned(erased, reason, home, root, objects, items)


def _planned(erased: Erased, reason: str, home: Home, root: Path, objects: Objects | None, items: _Everything) -> Plan:
    files = tuple(_found([*items.home, *items.data], erased, root))
    results = tuple(_results(home, files, erased))
    kept = telling_objects(objects, erased, root) if objects else {}
    published = dict.fromkeys(name for each in files if (name := each.published_in(root)))
    traces = erased.traces.model_copy(
        update={
            "files": tuple(sorted({each.sha256 for each in files} | _digests_of(items.kept, kept))),
            "objects": tuple(sorted({name.replace("/", "").removesuffix(".dir") for n in kept.values() for name in n})),
        }
    )
    return Plan(
        erasure=f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}",
        at=time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        reason=reason,
        erased=erased.model_copy(update={"traces": traces}),
        results=results,
        published=tuple(published),
        corpora={(corpus := read_corpus(folder)).policy.name: corpus.digest() for folder in corpora_below(root)},
        files=files,
        shared=tuple(each.name for each in files if each.is_shared(root)),
        objects={place: tuple(sorted(found)) for place, found in kept.items()},
        models=models_of(home, root, erased),
        people=tuple(left_to_people(files, erased, home, root, objects)),
    )


def _found(items: Iterable[Item], erased: Erased, root: Path) -> Iterator[Found]:
    searcher = Searcher(erased.traces, erased.words)
    for item in items:
        with item.open() as data:
            holds = searcher.find(item.name, data)
            if holds := holds or (_LINES if item.path and is_telling_table(item.path, root, erased.places) else None):
                yield Found(place=item.place, name=item.name, sha256=sha256_of(data), holds=holds)


def _results(home: Home, files: Sequence[Found], erased: Erased) -> Iterator[ResultFound]:
    """Yield the results that hold something of it, and those that were made from one that does, in their order."""
    telling = {tuple(each.name.split("/")[1:3]) for each in files if each.place == home.store.name}
    changed: set[str] = set()
    pruner = Pruner(erased)
    for stage in STAGES:
        for folder in results_of(home, stage.name):
            manifest = read_manifest(folder)
            made_from = changed & set(manifest.lineage.inputs.values())
            if stage.name == TRAINED or not ((stage.name, folder.name) in telling or made_from):
                continue
            changed.add(manifest.digest)
            rows = sum(pruner.leaving(shard) for shard in sorted(folder.glob("*.parquet")))
            yield ResultFound(stage=stage.name, key=folder.name, digest=manifest.digest, rows=rows)


def results_of(home: Home, stage: str) -> list[Path]:
    """Return the folders of a stage's finished results, its shards among them."""
    return sorted(file.parent for file in (home.store / stage).glob(f"[!.]*/{MANIFEST}"))


def _digests_of(items: Iterable[Item], objects: Mapping[str, set[str]]) -> set[str]:
    """Return the sha256 of objects that go: DVC knows them by md5, and a copy elsewhere has no such name."""
    digests = set()
    for item in items:
        if item.name in objects.get(item.place, ()):
            with item.open() as data:
                digests.add(sha256_of(data))
    return digests


def _lines(plan: Plan) -> Iterator[str]:
    traces = plan.erased.traces
    yield f"erase {plan.erased.subject.kind} {plan.erased.subject.name} ({plan.reason})"
    places = _some(plan.erased.places)
    yield f"  {len(traces.clips)} clips, {len(traces.samples)} samples, {len(plan.erased.places)} recordings: {places}"
    for result in plan.results:
        yield f"  new version of {result.stage} {result.key[:12]}: {result.rows} rows leave"
    yield from (f"  new version of data/published/{name}" for name in plan.published)
    for place, count in sorted(Counter(each.place for each in plan.files).items()):
        names = [each.name for each in plan.files if each.place == place]
        yield f"  {place}: {count} files hold something of it: {_some(names)}"
    yield from (f"  {place}: {len(names)} objects" for place, names in plan.objects.items() if names)
    yield from (f"  {model}" for model in plan.models)
    yield "left to people:"
    yield from (f"  {line}" for line in plan.people)


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - _SHOWN} more (--json has all)" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
