"""Every finished result that a home and its checkout know, read from the manifests themselves."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from components.core.contracts.artifacts import MANIFEST, QUARANTINE, Manifest, read_manifest
from components.core.home import Home
from components.core.runs import RunRecord, TrackingRecord, passing_over, read_run, read_stage, read_tracking, run_dirs
from components.core.stages import STAGES
from pipelines.lineage.versions import Version, registered
from pipelines.publish.published import FOLDER, RECORD, TAKEN, PublishedRecord, read_record

_KINDS = {stage.output: stage for stage in STAGES}


@dataclass(frozen=True, eq=False)
class Result:
    """A finished result in a folder."""

    folder: Path
    manifest: Manifest

    @property
    def shards(self) -> list[Path]:
        """The files of the accepted rows."""
        return [self.folder / entry.path for entry in self.manifest.files if entry.path.startswith("part-")]

    @property
    def quarantine(self) -> list[Path]:
        """The file of the refused rows, none where nothing was refused."""
        return [self.folder / QUARANTINE] if self.manifest.counts.refused else []


@dataclass(frozen=True, eq=False)
class Content:
    """One content digest with every result that has it: the same content may have been made in several ways."""

    results: tuple[Result, ...]

    @property
    def manifest(self) -> Manifest:
        """What it holds; the lineage is that of the first way."""
        return self.results[0].manifest

    @property
    def digest(self) -> str:
        """Its digest."""
        return self.manifest.digest

    @property
    def kind(self) -> str:
        """What its stage calls it."""
        return self.manifest.kind

    @property
    def shards(self) -> list[Path]:
        """The files of the accepted rows, of one copy."""
        return self.results[0].shards

    @property
    def quarantine(self) -> list[Path]:
        """The file of the refused rows, of one copy."""
        return self.results[0].quarantine

    def inputs(self, kind: str) -> tuple[str, ...]:
        """Return the digests of the results of that kind that it was made from, in whatever way."""
        return _once(each.manifest.lineage.inputs.get(kind) for each in self.results)

    @property
    def generator_weights(self) -> str | None:
        """The digest of the weights that wrote samples; `None` for any other result."""
        weights = self.manifest.facts.get("generator", {}).get("weights")
        return None if weights is None else str(weights)

    def models(self, name: str) -> tuple[str, ...]:
        """Return the digests of the frozen models that had that part in it."""
        return _once(each.manifest.lineage.models.get(name) for each in self.results)


@dataclass(frozen=True)
class Run:
    """A run with the digests of what came of it, by kind, and the kinds that it found in the store."""

    record: RunRecord
    tracking: TrackingRecord | None
    outputs: Mapping[str, str]
    reused: frozenset[str]


@dataclass(frozen=True)
class Published:
    """A published dataset, as the checkout has it or as an earlier revision was brought."""

    folder: Path
    record: PublishedRecord


@dataclass(frozen=True)
class Catalogue:
    """All results by their digest, with the runs and the published datasets that name them."""

    home: Home
    contents: Mapping[str, Content]
    published: tuple[Published, ...]
    runs: tuple[Run, ...]

    def of(self, kind: str) -> list[Content]:
        """Return the results of one kind."""
        return [content for content in self.contents.values() if content.kind == kind]

    def known(self, digests: Sequence[str]) -> list[Content]:
        """Return those of the digests whose results are here."""
        return [self.contents[digest] for digest in digests if digest in self.contents]

    def made_from(self, digest: str) -> list[Content]:
        """Return the results that name one as their input."""
        return self._made_from.get(digest, [])

    @cached_property
    def unvalidated(self) -> list[Content]:
        """Samples that no validation here has sorted: all others are among the accepted or the refused rows."""
        return [content for content in self.of("samples") if not self.made_from(content.digest)]

    @cached_property
    def frozen_models(self) -> frozenset[str]:
        """The digests of all models that had a part in a result and stayed as they were."""
        results = (result for content in self.contents.values() for result in content.results)
        return frozenset(digest for result in results for digest in result.manifest.lineage.models.values())

    @cached_property
    def versions(self) -> tuple[Version, ...]:
        """All registered versions, asked for once and only where a model is part of an answer.

        Raises:
            SourceError: MLflow cannot be used.
        """
        return registered(self.home)

    def versions_of(self, digests: Collection[str]) -> list[Version]:
        """Return the versions that hold one of these models, or learned from one of these datasets."""
        known = self.versions if digests else ()
        return [each for each in known if each.model in digests or each.accepted in digests]

    @cached_property
    def _made_from(self) -> Mapping[str, list[Content]]:
        found: dict[str, list[Content]] = defaultdict(list)
        for content in self.contents.values():
            for digest in _once(d for each in content.results for d in each.manifest.lineage.inputs.values()):
                found[digest].append(content)
        return found


def read_catalogue(home: Home, root: Path) -> Catalogue:
    """Read what `home` has finished and what the checkout at `root` has published; what is damaged is passed over."""
    published = tuple(passing_over(_published_folders(home, root), _published))
    copies = [each.folder / _kind_of(stage) for each in published for stage in TAKEN]
    folders = [*_finished(home), *(folder for folder in copies if (folder / MANIFEST).is_file())]
    by_digest: dict[str, list[Result]] = defaultdict(list)
    for result in passing_over(folders, lambda folder: Result(folder, read_manifest(folder))):
        if result.manifest.kind in _KINDS:
            by_digest[result.manifest.digest].append(result)
    return Catalogue(
        home=home,
        contents={digest: Content(tuple(results)) for digest, results in by_digest.items()},
        published=published,
        runs=tuple(passing_over(run_dirs(home.runs), _run)),
    )


def _finished(home: Home) -> list[Path]:
    """Return the folders of finished results; a draft's name begins with a dot."""
    found = (file.parent for file in home.store.glob(f"*/*/{MANIFEST}"))
    return sorted(folder for folder in found if not folder.name.startswith("."))


def _published_folders(home: Home, root: Path) -> list[Path]:
    here, brought = (root / FOLDER).glob(f"*/{RECORD}"), (home.root / "published").glob(f"*/*/{RECORD}")
    return [file.parent for file in (*sorted(here), *sorted(brought)) if not file.parent.name.startswith(".")]


def _published(folder: Path) -> Published:
    return Published(folder, read_record(folder))


def _kind_of(stage: str) -> str:
    return next(each.output for each in STAGES if each.name == stage)


def _run(run_dir: Path) -> Run:
    outputs, reused = {}, set()
    for stage in STAGES:
        record = read_stage(run_dir, stage.name)
        if record and stage.output in record.outputs:
            outputs[stage.output] = record.outputs[stage.output].digest
            reused |= {stage.output} if record.reused else set()
    return Run(read_run(run_dir), read_tracking(run_dir), outputs, frozenset(reused))


def _once(digests: Iterator[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(digest for digest in digests if digest))
