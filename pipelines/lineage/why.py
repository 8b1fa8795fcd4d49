"""`desta why`: everything that one thing was made from, and everything that was made from it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Clip, Description, RefusedClip, RefusedSample, Sample, Split
from components.core.home import Home
from components.core.models.store import read_model_manifest
from pipelines.lineage import steps
from pipelines.lineage.answers import answers_about, evaluation_of, items_of
from pipelines.lineage.catalogue import Catalogue, Content, read_catalogue
from pipelines.lineage.finding import Finder
from pipelines.lineage.nodes import Kind, Ref, Step, Trace, in_order
from pipelines.lineage.records import Column, Place, Records

_USES = {
    Split.TRAIN: "learned from it",
    Split.VALIDATION: "looked at it while it learned, and did not learn from it",
    Split.EVALUATION: "did not learn from it: it is held out for the evaluation",
}


def why(text: str, home: Home, root: Path) -> Trace:
    """Trace what an id names; `root` is the checkout whose published datasets count.

    Raises:
        ConfigurationError: nothing has that id, or several things do.
        ContractError: a file of a result is damaged or gone.
        SourceError: MLflow cannot be used.
    """
    return Lineage(read_catalogue(home, root)).why(text)


@dataclass(frozen=True)
class Lineage:
    """A home's lineage: one reading of the manifests for as many questions as one likes."""

    catalogue: Catalogue

    @cached_property
    def records(self) -> Records:
        """Where rows are asked for."""
        return Records()

    @cached_property
    def finder(self) -> Finder:
        """Who knows what an id means."""
        return Finder(self.catalogue, self.records)

    def why(self, text: str) -> Trace:
        """Trace what an id names; see `why`."""
        return self.trace(self.finder.ref(text))

    def trace(self, subject: Ref) -> Trace:
        """Trace one thing in both directions."""
        traced: dict[Kind, Callable[[str], Iterator[Step]]] = {
            Kind.SAMPLE: self._sample,
            Kind.CLIP: self._clip,
            Kind.FILE: self._file,
            Kind.RUN: self._run,
            Kind.PUBLISHED: self._published,
            Kind.VERSION: self._version,
            Kind.FROZEN_MODEL: self._frozen_model,
            Kind.ANSWER: self._answer,
        }
        return Trace(subject=subject, steps=in_order(traced.get(subject.kind, self._content)(subject.id)))

    def _sample(self, sample_id: str) -> Iterator[Step]:
        found = self.finder.samples(sample_id)
        rows = [(content, place, self._sample_at(content, place)) for content, place in found]
        (content, place, (sample, _)) = rows[0]
        before = self._before(content)
        yield from self._clip_at(sample.clip_id, before, place, (sample_id,))
        made = [each for each in before if each.kind == "samples"]
        pools = made[0].manifest.facts.get("prompt_pools", {}) if made else {}
        yield steps.of_prompt(sample, pools)
        yield steps.of_generator(sample, made[0].models("llm") if made else content.models("llm"))
        yield steps.of_sample(sample, tuple(dict.fromkeys(each.digest for each, _, _ in rows)))
        for dataset, _, (row, refused) in rows:
            if dataset.kind == "accepted":
                yield steps.of_verdict(sample_id, dataset, refused)
            yield from self._with_before(dataset)
            if refused is None:
                yield from self._after(
                    dataset, row.split, lambda each: answers_about(each, Column.SAMPLE, sample_id, self.records)
                )

    def _sample_at(self, content: Content, place: Place) -> tuple[Sample, RefusedSample | None]:
        if place.file in content.quarantine:
            refused = self.records.read(place, RefusedSample)
            return refused.sample, refused
        return self.records.read(place, Sample), None

    def _clip_at(
        self, clip_id: str, before: list[Content], place: Place, sample_ids: tuple[str, ...]
    ) -> Iterator[Step]:
        """Yield the file, the clip and the description that a row was made from, or say that they are not here."""
        clips, described = ([each for each in before if each.kind == kind] for kind in ("clips", "descriptions"))
        at = self.records.near([file for each in clips for file in each.shards], clip_id, place.share)
        if at:
            clip = self.records.read(at, Clip, without_audio=True)
            yield steps.of_file(clip.source, (clip_id,))
            yield steps.of_clip(clip, tuple(each.digest for each in clips), sample_ids)
        else:
            yield Step(kind=Kind.CLIP, id=clip_id, missing="the clips that it is one of are not in this home")
        at = self.records.near([file for each in described for file in each.shards], clip_id, place.share)
        if at:
            yield steps.of_description(self.records.read(at, Description), sample_ids)
        else:
            yield Step(kind=Kind.DESCRIPTION, id=clip_id, missing="the descriptions are not in this home")

    def _clip(self, clip_id: str) -> Iterator[Step]:
        asked = self._samples_about(clip_id)
        found = self.finder.clips(clip_id)
        sample_ids = tuple(dict.fromkeys(sample_id for _, _, sample_id, _ in asked))
        place = found[0][1]
        clip = self.records.read(place, Clip, without_audio=True)
        yield steps.of_file(clip.source, (clip_id,))
        yield steps.of_clip(clip, tuple(dict.fromkeys(each.digest for each, _ in found)), sample_ids)
        for result in (result for each, _ in found for result in self.catalogue.made_from(each.digest)):
            if result.kind == "descriptions" and (at := self.records.near(result.shards, clip_id, place.share)):
                yield steps.of_description(self.records.read(at, Description), sample_ids)
        for each, _ in found:
            yield from self._with_before(each)
        for dataset in dict.fromkeys(dataset for dataset, accepted, _, _ in asked if accepted):
            yield from self._with_before(dataset)
            split = next(split for each, _, _, split in asked if each is dataset)
            yield from self._after(dataset, split)
        for each, _ in found:
            yield from self._said_about(clip_id, each)

    def _samples_about(self, clip_id: str) -> list[tuple[Content, bool, str, Split]]:
        """Return the samples about a clip, each with its dataset and whether it was accepted there."""
        found = []
        for content in (*self.catalogue.of("accepted"), *self.catalogue.unvalidated):
            for files, accepted in ((content.shards, True), (content.quarantine, False)):
                rows = self.records.samples_about(files, clip_id, refused=not accepted)
                found += [(content, accepted, sample_id, Split(split)) for sample_id, split in rows]
        return found

    def _said_about(self, clip_id: str, clips: Content) -> Iterator[Step]:
        """Yield the answers about a clip: benchmarks ask also about one whose samples were all refused."""
        for evaluation in (each for each in self.catalogue.made_from(clips.digest) if each.kind == "report"):
            said = [*answers_about(evaluation, Column.CLIP, clip_id, self.records)]
            said += items_of(evaluation, clip_id=clip_id)
            yield from said
            yield from self._with_before(evaluation) if said else ()

    def _file(self, sha256: str) -> Iterator[Step]:
        found = self.finder.clips(sha256, Column.FILE)
        clips = [self.records.read(place, Clip, without_audio=True) for _, place in found]
        clip_ids = tuple(dict.fromkeys(clip.clip_id for clip in clips))
        if clips:
            yield steps.of_file(clips[0].source, clip_ids)
        for content, place in self.finder.refused_files(sha256):
            refused = self.records.read(place, RefusedClip)
            told = steps.of_file(refused.source, clip_ids)
            facts = {**told.facts, "refused": refused.reason.value, "detail": refused.detail}
            yield told.model_copy(update={"facts": facts})
            yield steps.of_content(content, self.catalogue)
        for clip_id in clip_ids:
            yield from (step for step in self._clip(clip_id) if step.kind is not Kind.FILE)

    def _content(self, digest: str) -> Iterator[Step]:
        yield from self._with_before(self.catalogue.contents[digest])
        yield from self._after(self.catalogue.contents[digest])

    def _run(self, run_id: str) -> Iterator[Step]:
        run = next(run for run in self.catalogue.runs if run.record.run_id == run_id)
        yield steps.of_run(run)
        made = self.catalogue.known([*run.outputs.values()])
        yield from (steps.of_content(each, self.catalogue) for each in made)
        gone = ((kind, digest) for kind, digest in run.outputs.items() if digest not in self.catalogue.contents)
        yield from (steps.of_absent(kind, digest) for kind, digest in gone)
        yield from self._versions([each.digest for each in made if each.kind == "model"])

    def _published(self, name: str) -> Iterator[Step]:
        for published in (each for each in self.catalogue.published if each.record.name == name):
            yield steps.of_published(published)
            yield from self._content(published.record.accepted)

    def _version(self, name: str) -> Iterator[Step]:
        by_run = [run.tracking.model for run in self.catalogue.runs if run.tracking and run.tracking.model]
        named = {each.digest for each in by_run if f"{each.name}@{each.version}" == name}
        named |= {each.model for each in self.catalogue.versions if each.name == name}
        if not named:
            raise ConfigurationError(f"{name}: no such version is registered and no run here made it; see `desta runs`")
        for digest in named:
            if digest in self.catalogue.contents:
                yield from self._content(digest)
            else:
                yield steps.of_absent("model", digest)
                yield from self._versions([digest])

    def _frozen_model(self, digest: str) -> Iterator[Step]:
        users = [
            content
            for content in self.catalogue.contents.values()
            if any(digest in each.manifest.lineage.models.values() for each in content.results)
        ]
        led_to = tuple(steps.ref_of(each.kind, each.digest) for each in users)
        folder = self.catalogue.home.models / digest
        facts = {"reference": read_model_manifest(folder).ref if folder.is_dir() else None, "used by": len(users)}
        yield Step(kind=Kind.FROZEN_MODEL, id=digest, facts=facts, led_to=led_to)
        yield from (steps.of_content(each, self.catalogue) for each in users)

    def _answer(self, text: str) -> Iterator[Step]:
        (evaluation, *_), asked = evaluation_of(text, self.catalogue.of("report"))
        said = [*answers_about(evaluation, Column.SAMPLE, asked, self.records)] if "/" not in asked else []
        said = said or [*items_of(evaluation, item=asked)]
        yield from said
        yield from self._with_before(evaluation)
        samples = [ref.id for step in said for ref in step.made_from if ref.kind is Kind.SAMPLE]
        clips = [ref.id for step in said for ref in step.made_from if ref.kind is Kind.CLIP]
        for sample_id in samples:
            yield from (step for step in self._sample(sample_id) if step.kind is not Kind.ANSWER)
        for clip_id in clips if not samples else ():
            yield from (step for step in self._clip(clip_id) if step.kind in (Kind.FILE, Kind.CLIP, Kind.DESCRIPTION))

    def _before(self, content: Content) -> list[Content]:
        """Return the results that one was made from, itself first, each once."""
        found, ahead = {content.digest: content}, [content]
        while ahead:
            lineages = [result.manifest.lineage for result in ahead.pop().results]
            inputs = self.catalogue.known([digest for lineage in lineages for digest in lineage.inputs.values()])
            ahead += [each for each in inputs if each.digest not in found]
            found |= {each.digest: each for each in inputs}
        return list(found.values())

    def _with_before(self, content: Content) -> Iterator[Step]:
        """Yield a result and all that it was made from; what is named and not here is said to be missing."""
        for each in self._before(content):
            yield steps.of_content(each, self.catalogue)
            for lineage in (result.manifest.lineage for result in each.results):
                gone = {k: d for k, d in lineage.inputs.items() if d not in self.catalogue.contents}
                yield from (steps.of_absent(kind, digest) for kind, digest in gone.items())
            if each.kind == "model":
                yield from self._training(each)

    def _after(
        self,
        content: Content,
        split: Split | None = None,
        answers: Callable[[Content], Iterable[Step]] = lambda _: (),
    ) -> Iterator[Step]:
        """Yield all that was made from a result: `split` says what a model did with the row that is asked about."""
        more = {"this one": _USES[split]} if split else {}
        after = self._following(content)
        models = [each for each in after if each.kind == "model"]
        for each in after:
            yield steps.of_content(each, self.catalogue, **(more if each.kind == "model" else {}))
            yield from answers(each) if each.kind == "report" else ()
            yield from self._training(each)
        digests = {each.digest for each in (content, *after)}
        named = (each for each in self.catalogue.published if digests.intersection(each.record.content))
        yield from map(steps.of_published, named)
        if content.kind in ("accepted", "model"):
            yield from self._versions([content.digest, *(each.digest for each in models)])

    def _following(self, content: Content) -> list[Content]:
        found: dict[str, Content] = {}
        ahead = [content]
        while ahead:
            made = self.catalogue.made_from(ahead.pop().digest)
            ahead += [each for each in made if each.digest not in found]
            found |= {each.digest: each for each in made}
        return list(found.values())

    def _training(self, content: Content) -> Iterator[Step]:
        """Yield the runs that made a result, not those that found it in the store."""
        made = (run for run in self.catalogue.runs if run.outputs.get(content.kind) == content.digest)
        yield from (steps.of_run(run) for run in made if content.kind not in run.reused)

    def _versions(self, digests: list[str]) -> Iterator[Step]:
        """Yield the versions of these models, and of models that learned from these datasets."""
        for version in self.catalogue.versions_of(digests):
            yield version.step()
            if version.model not in self.catalogue.contents:
                yield steps.of_absent("model", version.model)
