"""The rows that a choice takes, counted in every result that has some."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pipelines.lineage.catalogue import Catalogue, Content
from pipelines.lineage.choice import OF_CLIPS, OF_SAMPLES, By, Choice
from pipelines.lineage.records import Records

_IN_CLIPS = "clip_id IN (SELECT clip_id FROM chosen_clips)"


@dataclass
class Counted:
    """Chosen rows of one result: those that went on by split, those that were refused by reason."""

    splits: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


class Chosen:
    """Two tables in memory, the chosen clips and the chosen samples, and what is counted with them."""

    def __init__(self, choice: Choice, catalogue: Catalogue, records: Records) -> None:
        self._choice, self._catalogue, self._records = choice, catalogue, records
        self.by_clip = choice.by in OF_CLIPS
        self._found: dict[str, Counted] = {}
        self._choose_clips()
        self._choose_samples()
        self._count_before()

    @property
    def counted(self) -> Mapping[str, Counted]:
        """The results with chosen rows, by digest."""
        return {digest: each for digest, each in self._found.items() if each.splits or each.refused}

    @cached_property
    def clips(self) -> int:
        """How many clips are chosen, or have chosen samples."""
        table = "chosen_clips" if self.by_clip else "chosen_samples"
        return self._one(f"SELECT count(DISTINCT clip_id) FROM {table} WHERE digest IS NOT NULL")  # noqa: S608

    @cached_property
    def samples(self) -> int:
        """How many samples are chosen."""
        return self._one("SELECT count(DISTINCT sample_id) FROM chosen_samples")

    @cached_property
    def clip_ids(self) -> frozenset[str]:
        """The chosen clips."""
        return frozenset(clip_id for (clip_id,) in self._records.ask("SELECT DISTINCT clip_id FROM chosen_clips"))

    def features(self) -> int:
        """Count the files of features of chosen clips."""
        hearings = [folder for folder in self._catalogue.home.features.glob("*") if folder.is_dir()]
        files = (folder / clip_id[:2] / f"{clip_id}.safetensors" for folder in hearings for clip_id in self.clip_ids)
        return sum(file.is_file() for file in files)

    def generations(self) -> int:
        """Count the kept answers to chosen samples."""
        files = sorted(self._catalogue.home.root.glob("generations/*/*.parquet"))
        query = "SELECT count(*) FROM read_parquet($files) WHERE sample_id IN (SELECT sample_id FROM chosen_samples)"
        return self._one(query, files) if files and self.samples else 0

    def answers(self, evaluation: Content) -> tuple[int, int]:
        """Count the answers about what is chosen, and those that heard a chosen clip in another's place."""
        if not evaluation.shards:
            return 0, 0
        about = _IN_CLIPS if self.by_clip else "sample_id IN (SELECT sample_id FROM chosen_samples)"
        wrong = f"wrong_{_IN_CLIPS}" if self.by_clip else "false"
        query = f"SELECT count(*) FILTER ({about}), count(*) FILTER ({wrong}) FROM read_parquet($files)"  # noqa: S608
        ((answers, as_wrong),) = self._records.ask(query, files=[*map(str, evaluation.shards)])
        return int(answers), int(as_wrong)

    def _choose_clips(self) -> None:
        self._records.ask("CREATE TABLE chosen_clips (digest VARCHAR, clip_id VARCHAR, split VARCHAR)")
        if not self.by_clip:
            return
        for content in self._catalogue.of("clips"):
            if content.shards:
                self._records.ask(
                    "INSERT INTO chosen_clips SELECT $digest, clip_id, split FROM read_parquet($files) "  # noqa: S608
                    f"WHERE {OF_CLIPS[self._choice.by]}",
                    digest=content.digest,
                    files=[*map(str, content.shards)],
                    values=[*self._choice.values],
                )
            if self._choice.by is By.SOURCE and content.quarantine:
                self._count_refused_files(content)
        counts = "SELECT digest, split, count(*) FROM chosen_clips GROUP BY ALL"
        for digest, split, count in self._records.ask(counts):
            self._of(digest).splits[split] += count
        if self._choice.by is By.CLIP:
            # What is kept of a clip outlives the results that it was in.
            values = [*self._choice.values]
            self._records.ask("INSERT INTO chosen_clips SELECT NULL, unnest($values), NULL", values=values)

    def _count_refused_files(self, content: Content) -> None:
        query = f"SELECT reason, count(*) FROM read_parquet($files) WHERE {OF_CLIPS[By.SOURCE]} GROUP BY reason"  # noqa: S608
        files, values = [*map(str, content.quarantine)], [*self._choice.values]
        self._of(content.digest).refused.update(dict(self._records.ask(query, files=files, values=values)))

    def _choose_samples(self) -> None:
        self._records.ask(
            "CREATE TABLE chosen_samples "
            "(digest VARCHAR, sample_id VARCHAR, clip_id VARCHAR, split VARCHAR, reason VARCHAR)"
        )
        for content in (*self._catalogue.of("accepted"), *self._catalogue.unvalidated):
            self._take(content, content.shards, "", "NULL")
            self._take(content, content.quarantine, "sample.", "reason")
        counts = "SELECT digest, split, reason, count(*) FROM chosen_samples GROUP BY ALL"
        for digest, split, reason, count in self._records.ask(counts):
            if reason is None:
                self._of(digest).splits[split] += count
            else:
                self._of(digest).refused[reason] += count

    def _take(self, content: Content, files: list[Path], inside: str, reason: str) -> None:
        if not files:
            return
        condition = _IN_CLIPS if self.by_clip else OF_SAMPLES[self._choice.by]
        columns = ", ".join(f"{inside}{name}" for name in ("sample_id", "clip_id", "split"))
        self._records.ask(
            f"INSERT INTO chosen_samples SELECT $digest, {columns}, {reason} FROM read_parquet($files) "  # noqa: S608
            f"WHERE {inside}{condition}",
            digest=content.digest,
            files=[*map(str, files)],
            **({} if self.by_clip else {"values": [*self._choice.values]}),
        )

    def _count_before(self) -> None:
        """Count in the results that validations sorted, and in descriptions.

        What a validation sorted it accepted or refused, to the last row: so samples are not read again.
        """
        query = "SELECT split, count(*) FROM chosen_samples WHERE digest = $digest GROUP BY split"
        for content in self._catalogue.of("accepted"):
            for samples in self._catalogue.known(content.inputs("samples")):
                if samples.digest not in self._found:
                    self._of(samples.digest).splits.update(dict(self._records.ask(query, digest=content.digest)))
        for content in self._catalogue.of("descriptions") if self.by_clip else ():
            self._count_descriptions(content)

    def _count_descriptions(self, content: Content) -> None:
        """Count descriptions of chosen clips; where every clip has one, the clips have been counted already."""
        for clips in self._catalogue.known(content.inputs("clips")):
            if clips.manifest.counts.rows_out == content.manifest.counts.rows_out:
                self._of(content.digest).splits = Counter(self._of(clips.digest).splits)
                return
        if content.shards:
            query = f"SELECT split, count(*) FROM read_parquet($files) WHERE {_IN_CLIPS} GROUP BY split"  # noqa: S608
            rows = self._records.ask(query, files=[*map(str, content.shards)])
            self._of(content.digest).splits.update(dict(rows))

    def _of(self, digest: str) -> Counted:
        return self._found.setdefault(digest, Counted())

    def _one(self, query: str, files: list[Path] | None = None) -> int:
        values = {"files": [*map(str, files)]} if files is not None else {}
        return int(self._records.ask(query, **values)[0][0])
