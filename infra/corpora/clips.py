"""The clips of a corpus that is being built: their table, what must hold between them, and their summary."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Record
from infra.corpora.audio import Heard


class StoredClip(Record):
    """A clip in its place: `path` below the corpus's folder, and its cells of `metadata.csv`."""

    corpus: str
    path: str
    cells: Mapping[str, str]
    heard: Heard

    def __str__(self) -> str:
        return f"{self.corpus}/{self.path}"


def write_table(path: Path, columns: Sequence[str], clips: Iterable[StoredClip]) -> None:
    """Write `metadata.csv`: one line a clip, ordered as given; an empty cell is unknown."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", *columns))
        writer.writerows((clip.path, *(clip.cells.get(column, "") for column in columns)) for clip in clips)


def check_apart(clips: Sequence[StoredClip]) -> None:
    """Refuse two clips of the same samples, and a speaker or a recording that is in two splits.

    Raises:
        SourceError: naming both clips and what they share.
    """
    first: dict[str, StoredClip] = {}
    for clip in clips:
        twin = first.setdefault(clip.heard.digest, clip)
        if twin is not clip:
            raise SourceError(f"{clip}: has the samples of {twin}: leave one out")
    for column in ("speaker_id", "source_id"):
        seen: dict[str, StoredClip] = {}
        for clip in clips:
            other = seen.setdefault(clip.cells.get(column) or str(clip), clip)
            if other.cells["split"] != clip.cells["split"]:
                shared = clip.cells[column]
                raise SourceError(f"{clip}: {column} {shared!r} is in another split with {other}: move one of them")


def summarise(clips: Iterable[StoredClip]) -> str:
    """Lay out clips, minutes, speakers and languages of each corpus and split, and of each domain and split."""
    lines = [f"{'':28}{'split':12}{'clips':>6}{'minutes':>9}{'speakers':>9}  languages"]
    ordered = sorted(clips, key=str)
    for heading in (_corpus_of, _domain_of):
        groups: defaultdict[tuple[str, str], list[StoredClip]] = defaultdict(list)
        for clip in ordered:
            groups[heading(clip), clip.cells["split"]].append(clip)
        lines += [_line(name, split, group) for (name, split), group in sorted(groups.items())] + [""]
    total = Counter(clip.cells["split"] for clip in ordered)
    return "\n".join([*lines, f"{total.total()} clips: " + ", ".join(f"{n} {split}" for split, n in total.items())])


def _corpus_of(clip: StoredClip) -> str:
    return clip.corpus


def _domain_of(clip: StoredClip) -> str:
    return f"({clip.cells['domain']})"


def _line(name: str, split: str, clips: Sequence[StoredClip]) -> str:
    minutes = sum(clip.heard.duration_s for clip in clips) / 60
    speakers = len(_distinct(clips, "speaker_id"))
    languages = " ".join(sorted(_distinct(clips, "language")))
    return f"{name:28}{split:12}{len(clips):>6}{minutes:>9.1f}{speakers:>9}  {languages}".rstrip()


def _distinct(clips: Sequence[StoredClip], column: str) -> set[str]:
    return {clip.cells[column] for clip in clips} - {""}
