"""What an id means: a sample, a clip, a file, a result, a run, a version, a published dataset or an answer."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from pipelines.lineage.answers import evaluation_of, items_of
from pipelines.lineage.catalogue import Catalogue, Content
from pipelines.lineage.nodes import Kind, Ref
from pipelines.lineage.records import ID_LENGTH, Column, Place, Records
from pipelines.lineage.steps import ref_of

SHORTEST_PREFIX = 8
LONGEST_ID = 512
_SHOWN = 6
_HEX = re.compile(r"[0-9a-f]{8,64}", re.ASCII)
_VERSION = re.compile(r"desta-adapter@0*([1-9]\d{0,8})", re.ASCII)


class Finder:
    """Resolves what a person types; a scan of rows comes only after all that the manifests know."""

    def __init__(self, catalogue: Catalogue, records: Records) -> None:
        self._catalogue, self._records = catalogue, records
        self._samples: dict[str, list[tuple[Content, Place]]] = {}

    def ref(self, text: str) -> Ref:
        """Return what an id names.

        Raises:
            ConfigurationError: nothing has it, several begin so, or it is no id.
        """
        found = self.refs(text)
        if len(found) == 1:
            return found[0]
        if found:
            shown = ", ".join(f"{ref.kind} {ref.id}" for ref in found[:_SHOWN])
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise ConfigurationError(f"id {text!r}: could be {shown}{more}; write more of it")
        raise ConfigurationError(
            f"id {text!r}: nothing in {self._catalogue.home.root} or published here has it; want the id of a sample, "
            f"clip, file, result or key ({SHORTEST_PREFIX} characters or more), a run, desta-adapter@N, an answer "
            "or the name of a published dataset"
        )

    def refs(self, text: str) -> list[Ref]:
        """Return everything that an id could name.

        Raises:
            ConfigurationError: it is no id.
        """
        return list(dict.fromkeys(self._found(checked(text))))

    def samples(self, prefix: str) -> list[tuple[Content, Place]]:
        """Return where samples are: among the accepted, the refused, or the rows that nothing has sorted yet."""
        if prefix not in self._samples:
            found = self._sought(prefix)
            by_id = {place.id: [each for each in found if each[1].id == place.id] for _, place in found[:_SHOWN]}
            self._samples = {prefix: found, **by_id}  # the last search: it is asked for again at once
        return self._samples[prefix]

    def _sought(self, prefix: str) -> list[tuple[Content, Place]]:
        accepted = self._catalogue.of("accepted")
        results = [*accepted, *self._catalogue.unvalidated]
        kept = self._among({file: each for each in results for file in each.shards}, Column.SAMPLE, prefix)
        # A dataset that accepted a sample did not refuse it too.
        settled = {each.digest for each, _ in kept} if len(prefix) == ID_LENGTH else set()
        others = {file: each for each in accepted if each.digest not in settled for file in each.quarantine}
        refused = self._among(others, Column.REFUSED_SAMPLE, prefix)
        share = [(each, sum(each.manifest.counts.refused.values()), place) for each, place in refused]
        return [*kept, *((each, replace(place, share=place.row / rows)) for each, rows, place in share)]

    def clips(self, prefix: str, column: Column = Column.CLIP) -> list[tuple[Content, Place]]:
        """Return where clips are, by their id or by the digest of their file."""
        files = {file: each for each in self._catalogue.of("clips") for file in each.shards}
        return self._among(files, column, prefix)

    def refused_files(self, prefix: str) -> list[tuple[Content, Place]]:
        """Return where files are that did not become clips."""
        files = {file: each for each in self._catalogue.of("clips") for file in each.quarantine}
        return self._among(files, Column.FILE, prefix)

    def _among(self, files: Mapping[Path, Content], column: Column, prefix: str) -> list[tuple[Content, Place]]:
        by_file = {str(file): content for file, content in files.items()}
        places = self._records.find([*files], column, prefix)
        return [(by_file[str(place.file)], place) for place in places]

    def _found(self, text: str) -> Iterator[Ref]:
        named = list(self._named(text))
        yield from named
        if named and len(text) == ID_LENGTH:
            return  # a digest is of one thing: no row has it too
        if _HEX.fullmatch(text):
            rows = [Ref(kind=Kind.SAMPLE, id=place.id) for _, place in self.samples(text)]
            yield from rows
            if not rows or len(text) < ID_LENGTH:
                yield from (Ref(kind=Kind.CLIP, id=place.id) for _, place in self.clips(text))
                yield from self._files(text)
        elif not named:
            yield from self._answers(text)

    def _named(self, text: str) -> Iterator[Ref]:
        """Yield what manifests and runs name so."""
        catalogue = self._catalogue
        yield from (Ref(kind=Kind.RUN, id=text) for run in catalogue.runs if run.record.run_id == text)
        yield from (Ref(kind=Kind.PUBLISHED, id=text) for each in catalogue.published if each.record.name == text)
        if match := _VERSION.fullmatch(text):
            yield Ref(kind=Kind.VERSION, id=f"desta-adapter@{match[1]}")
        if not _HEX.fullmatch(text):
            return
        for content in catalogue.contents.values():
            keys = (each.manifest.lineage.key for each in content.results)
            if any(each.startswith(text) for each in (content.digest, *keys)):
                yield ref_of(content.kind, content.digest)
        yield from (Ref(kind=Kind.FROZEN_MODEL, id=each) for each in catalogue.frozen_models if each.startswith(text))

    def _files(self, text: str) -> Iterator[Ref]:
        whole = [place.id for _, place in (*self.clips(text, Column.FILE), *self.refused_files(text))]
        yield from (Ref(kind=Kind.FILE, id=each) for each in whole)

    def _answers(self, text: str) -> Iterator[Ref]:
        evaluations, asked = evaluation_of(text, self._catalogue.of("report"))
        for evaluation in evaluations:
            if _HEX.fullmatch(asked):
                places = self._records.find(evaluation.shards, Column.SAMPLE, asked)
                yield from (Ref(kind=Kind.ANSWER, id=f"{evaluation.digest[:12]}/{p.id}") for p in places)
            yield from (step.ref for step in items_of(evaluation, item=asked))


def checked(text: str) -> str:
    """Return what can be looked for.

    Raises:
        ConfigurationError: it is empty, too long or not text.
    """
    if not text.strip():
        raise ConfigurationError("id: is empty; name what you want to know about")
    if len(text) > LONGEST_ID:
        raise ConfigurationError(f"id {text[:20]!r}…: has {len(text)} characters, want {LONGEST_ID} at the most")
    if not text.isprintable():
        raise ConfigurationError(f"id {text!r}: has characters that no id has")
    return text
