"""`desta impact`: every dataset, cache, model, evaluation and published version that something is in, with counts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.home import Home
from components.core.stages import STAGES
from pipelines.lineage.answers import clip_of, marks_of
from pipelines.lineage.catalogue import Catalogue, Content, read_catalogue
from pipelines.lineage.choice import By, Choice, checked, weights_of
from pipelines.lineage.chosen import Chosen, Counted
from pipelines.lineage.finding import Finder
from pipelines.lineage.records import ID_LENGTH, Records


class InDataset(Record):
    """A result with rows that were chosen; `splits` count those that went on, `refused` the others by reason."""

    kind: str
    digest: str
    keys: tuple[str, ...]
    folders: tuple[str, ...]
    rows: int
    of: int
    splits: dict[str, int]
    refused: dict[str, int]


class InModel(Record):
    """A model whose dataset has rows that were chosen: how many it learned from, how many it only looked at."""

    digest: str
    learned_from: int
    validated_on: int
    runs: tuple[str, ...]
    versions: tuple[str, ...]
    champion: bool


class InEvaluation(Record):
    """An evaluation of such a model, or with answers about what was chosen.

    `as_wrong_clip` counts answers for which a chosen clip was put in another's place, `items` those of benchmarks.
    """

    digest: str
    models: tuple[str, ...]
    answers: int
    as_wrong_clip: int
    items: int


class InPublished(Record):
    """A published dataset with rows that were chosen."""

    name: str
    folder: str
    accepted: int
    clips: int


class Impact(Record):
    """Where a choice of rows is; `samples` counts each once, whatever results it is in, and so does `clips`."""

    by: By
    values: tuple[str, ...]
    clips: int
    samples: int
    features: int
    generations: int
    datasets: tuple[InDataset, ...]
    models: tuple[InModel, ...]
    evaluations: tuple[InEvaluation, ...]
    published: tuple[InPublished, ...]

    @property
    def anywhere(self) -> bool:
        """Whether there is anything of it."""
        return bool(self.clips or self.samples or self.features or self.datasets)

    def __str__(self) -> str:
        head = f"{self.by} {', '.join(self.values)}: {self.clips} clips, {self.samples} samples"
        if not self.anywhere:
            return f"nothing of {self.by} {', '.join(self.values)} is here"
        caches = f"caches: {self.features} files of features, {self.generations} kept answers"
        lines = (*self.datasets, *self.models, *self.evaluations, *self.published)
        return "\n".join([head, caches, *map(_line, lines)])


def impact(choice: Choice, home: Home, root: Path) -> Impact:
    """Count where rows are that a choice takes; `root` is the checkout whose published datasets count.

    Raises:
        ConfigurationError: a value cannot be looked for.
        ContractError: a file of a result is damaged or gone.
        SourceError: MLflow cannot be used.
    """
    return impact_in(read_catalogue(home, root), choice)


def impact_in(catalogue: Catalogue, choice: Choice) -> Impact:
    """Count where rows are that a choice takes, in a catalogue that was read before; see `impact`."""
    records = Records()
    values = checked(choice).values
    if choice.by is By.CLIP:
        values = tuple(_whole(value, Finder(catalogue, records)) for value in values)
    told = choice.model_copy(update={"values": values})
    if choice.by is By.LLM:  # rows name the weights, and a person the model
        values = tuple(weights for value in values for weights in weights_of(value, catalogue))
    chosen = Chosen(choice.model_copy(update={"values": values}), catalogue, records)
    return _Counting(catalogue, chosen).impact(told)


def _whole(clip_id: str, finder: Finder) -> str:
    if len(clip_id) >= ID_LENGTH or not clip_id.isalnum():
        return clip_id
    found = sorted({place.id for _, place in finder.clips(clip_id)})
    if len(found) > 1:
        raise ConfigurationError(f"--clip {clip_id}: could be {', '.join(found[:4])}, …; write more of it")
    return found[0] if found else clip_id


@dataclass(frozen=True)
class _Counting:
    """The counts of one choice, by where the rows are."""

    catalogue: Catalogue
    chosen: Chosen

    def impact(self, choice: Choice) -> Impact:
        chosen = self.chosen
        return Impact(
            by=choice.by,
            values=choice.values,
            clips=chosen.clips,
            samples=chosen.samples,
            features=chosen.features(),
            generations=chosen.generations(),
            datasets=tuple(self._datasets()),
            models=tuple(self._models()),
            evaluations=tuple(self._evaluations()),
            published=tuple(self._published()),
        )

    def _datasets(self) -> Iterator[InDataset]:
        order = [stage.output for stage in STAGES]
        contents = [self.catalogue.contents[digest] for digest in self.chosen.counted]
        for content in sorted(contents, key=lambda content: order.index(content.kind)):
            counted = self.chosen.counted[content.digest]
            yield InDataset(
                kind=content.kind,
                digest=content.digest,
                keys=tuple(each.manifest.lineage.key for each in content.results),
                folders=tuple(str(each.folder) for each in content.results),
                rows=sum(counted.splits.values()),
                of=content.manifest.counts.rows_out,
                splits=dict(sorted(counted.splits.items())),
                refused=dict(sorted(counted.refused.items())),
            )

    def _models(self) -> Iterator[InModel]:
        """Yield the models of chosen rows, also those of which only a registered version is known."""
        learned = {digest: counted for digest, counted in self._kept("accepted") if counted.splits}
        here = {c.digest: [d for d in c.inputs("accepted") if d in learned] for c in self.catalogue.of("model")}
        versions = self.catalogue.versions_of({*learned, *(model for model, datasets in here.items() if datasets)})
        named = {version.model: [version.accepted] for version in versions if version.accepted in learned}
        for model, datasets in ({**named, **{m: d for m, d in here.items() if d}}).items():
            splits = sum((learned[dataset].splits for dataset in datasets if dataset), Counter[str]())
            of_it = [version for version in versions if version.model == model]
            yield InModel(
                digest=model,
                learned_from=splits["train"],
                validated_on=splits["validation"],
                runs=tuple(r.record.run_id for r in self.catalogue.runs if r.outputs.get("model") == model),
                versions=tuple(version.name for version in of_it),
                champion=any(version.champion for version in of_it),
            )

    def _evaluations(self) -> Iterator[InEvaluation]:
        learned = {digest for digest, counted in self._kept("accepted") if counted.splits}
        models = {each.digest for each in self.catalogue.of("model") if learned.intersection(each.inputs("accepted"))}
        for content in self.catalogue.of("report"):
            answers, wrong = self.chosen.answers(content)
            items = self._items(content)
            if answers or wrong or items or models.intersection(content.inputs("model")):
                yield InEvaluation(
                    digest=content.digest,
                    models=content.inputs("model"),
                    answers=answers,
                    as_wrong_clip=wrong,
                    items=items,
                )

    def _items(self, evaluation: Content) -> int:
        """Count the items of benchmarks that are about chosen clips, each once whoever was asked."""
        if not self.chosen.by_clip:
            return 0
        about = {(name, mark["item_id"]): clip_of(mark) for name, _, mark in marks_of(evaluation)}
        return sum(count for clip, count in Counter(about.values()).items() if clip in self.chosen.clip_ids)

    def _published(self) -> Iterator[InPublished]:
        counted = self.chosen.counted
        for published in self.catalogue.published:
            accepted, clips = (
                sum(counted[digest].splits.values()) if digest in counted else 0 for digest in published.record.content
            )
            if accepted or clips:
                name = published.record.name
                yield InPublished(name=name, folder=str(published.folder), accepted=accepted, clips=clips)

    def _kept(self, kind: str) -> Iterator[tuple[str, Counted]]:
        return (each for each in self.chosen.counted.items() if self.catalogue.contents[each[0]].kind == kind)


def _line(held: Record) -> str:
    match held:
        case InDataset():
            splits = ", ".join(f"{split} {count}" for split, count in held.splits.items())
            refused = f"; refused {sum(held.refused.values())}" if held.refused else ""
            what, name, told = held.kind, held.digest[:12], f"{held.rows} of {held.of} rows ({splits}){refused}"
        case InModel():
            names = ", ".join((*held.versions, *(["champion"] if held.champion else []))) or "not registered"
            what, name = "model", held.digest[:12]
            told = f"learned from {held.learned_from}, validated on {held.validated_on}; {names}"
        case InEvaluation():
            what, name = "evaluation", held.digest[:12]
            told = f"{held.answers} answers, {held.as_wrong_clip} as the wrong clip, {held.items} items of benchmarks"
        case InPublished():
            what, name, told = "published", held.name, f"{held.accepted} samples, {held.clips} clips"
        case _:
            raise TypeError(f"no line for {held!r}")
    return f"{what:<13} {name}  {told}"
