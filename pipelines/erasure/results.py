"""New versions of results: shards that held erased rows are written again, all other files are linked."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.core.contracts.artifacts import Artifact, Counts, Draft, Lineage, open_artifact
from components.core.contracts.records import Record, Sha256
from components.core.digests import digest_of
from components.core.publishing import link_or_copy, published, write_file
from components.core.stages import STAGES
from pipelines.erasure.places import mapped
from pipelines.erasure.pruning import Pruner, rows_of
from pipelines.erasure.recounting import facts_after
from pipelines.erasure.searching import Searcher
from pipelines.erasure.subject import Erased

TRAINED = "train_model"
"""A model was trained on what it was trained on: it is marked, and never written again."""


class Replaced(Record):
    """A result that gave way to a new version; `rows` left it, and the documents in `dropped`, by their digests."""

    stage: str
    key: Sha256
    digest: Sha256
    new_key: Sha256
    new_digest: Sha256
    rows: int
    dropped: tuple[Sha256, ...]


@dataclass
class Versions:
    """Makes new versions in the order of the stages, each from the new versions before it.

    `sources` has the new digest of a corpus by its name and old digest, `None` for a corpus that is gone; `done` fills
    up with new digests by old ones.
    """

    erasure: str
    erased: Erased
    sources: Mapping[tuple[str, str], str | None] = field(default_factory=dict)
    tombstones: Mapping[str, str] = field(default_factory=dict)
    done: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pruner = Pruner(self.erased)
        self._searcher = Searcher(self.erased.traces, self.erased.words)

    def make(self, old: Artifact, place: Path | None = None) -> Replaced:
        """Write the new version of a result beside it, or at another place, unless it is there already."""
        lineage = self._lineage(old.manifest.lineage)
        folder = place or old.folder.parent / lineage.key
        if not folder.is_dir():
            with published(folder) as draft:
                self._write(old, Draft(draft), lineage)
        new = open_artifact(folder)
        self.done[old.digest] = new.digest
        listed = {entry.path for entry in (*new.manifest.files, *new.manifest.attachments)}
        before = (*old.manifest.files, *old.manifest.attachments)
        return Replaced(
            stage=lineage.stage,
            key=old.manifest.lineage.key,
            digest=old.digest,
            new_key=lineage.key,
            new_digest=new.digest,
            rows=old.manifest.counts.rows_in - new.manifest.counts.rows_in,
            dropped=tuple(sorted(entry.sha256 for entry in before if entry.path not in listed)),
        )

    def _lineage(self, before: Lineage) -> Lineage:
        changed = {name: self.sources.get((name, digest), digest) for name, digest in before.sources.items()}
        sources = {name: digest for name, digest in changed.items() if digest}
        parts = {
            **before.model_dump(exclude={"key"}),
            "inputs": {word: self._input(before, word) for word in before.inputs},
            "sources": {**sources, **self.tombstones} if sources or before.sources else {},
        }
        return Lineage(**parts, key=digest_of(parts))

    def _input(self, before: Lineage, word: str) -> str:
        """Return the new digest of an input; of one that is not here any more only that it is not what it was."""
        digest = before.inputs[word]
        model = any(stage.inputs.get(word) == TRAINED for stage in STAGES if stage.name == before.stage)
        return self.done.get(digest) or (digest if model else digest_of([self.erasure, digest]))

    def _write(self, old: Artifact, draft: Draft, lineage: Lineage) -> None:
        manifest, gone = old.manifest, Counter[str]()
        for entry in (*manifest.files, *manifest.attachments):
            gone += self._shard(old.folder / entry.path, draft.folder / entry.path)
        documents = [e.path for e in (*manifest.files, *manifest.attachments) if not e.path.endswith(".parquet")]
        self._documents(old.folder, documents, draft.folder, shown=bool(gone))
        attached = (draft.folder / entry.path for entry in manifest.attachments)
        draft.attach(*(path for path in attached if path.is_file()))
        counts = _counts_after(manifest.counts, gone)
        facts = facts_after(manifest.kind, manifest.facts, _rows_in(draft.folder), counts, gone.total())
        draft.close(kind=manifest.kind, counts=counts, facts=facts, lineage=lineage)

    def _shard(self, old: Path, new: Path) -> Counter[str]:
        """Bring a Parquet file over, without the rows that leave; return how many left for which reason of refusal."""
        if old.suffix != ".parquet":
            return Counter()
        new.parent.mkdir(parents=True, exist_ok=True)
        return self._pruner.shard(old, new)

    def _documents(self, old: Path, names: list[str], new: Path, *, shown: bool) -> None:
        """Bring over what is no shard: JSON without its items, pages where no row left, the rest if it is clean."""
        items = self._pruner.documents({name: (old / name).read_bytes() for name in names if _is_json(name)})
        for name in names:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            if name in items:
                write_file(new / name, items[name])
            elif not (shown and name.endswith(".html")):
                link_or_copy(str(old / name), str(new / name))
            if (new / name).is_file() and self._tells(new / name):
                (new / name).unlink()

    def _tells(self, file: Path) -> bool:
        with mapped(file) as data:
            return self._searcher.find(file.name, data) is not None


def _is_json(name: str) -> bool:
    return name.endswith((".json", ".jsonl"))


def _rows_in(folder: Path) -> Iterator[Record]:
    for shard in sorted(folder.glob("part-*.parquet")):
        yield from rows_of(shard)


def _counts_after(before: Counts, gone: Counter[str]) -> Counts:
    """Take what left out of what came in, what went out and what was refused alike."""
    refused = {reason: count - gone[reason] for reason, count in before.refused.items() if count > gone[reason]}
    out = before.rows_out - gone[""]
    return Counts(rows_in=out + sum(refused.values()), rows_out=out, refused=refused)
