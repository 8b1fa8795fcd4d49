"""Who and what the subject is: its clips, samples, original files and words, found in everything there is."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from components.core.digests import digest_of_bytes
from pipelines.erasure.kept_rows import KeptRows
from pipelines.erasure.places import Item
from pipelines.erasure.recordings import Held, held_in
from pipelines.erasure.rows import ClipRow, SaidRow, clip_rows, said_rows
from pipelines.erasure.searching import Words
from pipelines.erasure.subject import Erased, Subject, Traces

_SHORTEST_WORDS = 24
"""Shorter texts stand in other places by chance."""
_TEXTS = 2**12
"""A description stands at each question about its clip, one after the other."""
_NO_BYTES = digest_of_bytes(b"")
"""What all files have in common that could not be read."""


def find_erased(subject: Subject, items: Sequence[Item], root: Path) -> Erased:
    """Return all that is the subject's, in the results, in what was never ingested, and in what sounds the same.

    Raises:
        ConfigurationError: there is nothing.
        SourceError: a corpus cannot be read.
    """
    held = held_in(root)
    rows = KeptRows(chain(clip_rows(items), (each.as_row() for each in held)))
    mine = _closure(subject, rows)
    if not mine:
        raise ConfigurationError(
            f"--{subject.kind} {subject.name}: nothing of it is here, neither in the home nor in data/; "
            "`desta verify --erased` says what an earlier erasure took away"
        )
    others = rows.without(mine)
    clips = {row.clip_id for row in mine if row.clip_id} | _never_ingested(held, mine)
    samples = _samples_about(clips, said_rows(items))
    return Erased(
        subject=subject,
        traces=Traces(
            speaker=subject.digest if subject.kind == "speaker" else None,
            clips=tuple(sorted(clips)),
            samples=tuple(sorted(samples)),
            sources=tuple(sorted(_of_nothing_else(mine, others, attrgetter("sha256")) - {_NO_BYTES})),
        ),
        places=tuple(sorted(_places(mine, others))),
        words=tuple(sorted(_words(mine, others, items, clips, samples))),
    )


def _closure(subject: Subject, rows: Iterable[ClipRow]) -> set[ClipRow]:
    """Return the subject's rows, other pieces and other mentions of the same recordings, and copies of these."""
    mine = {row for row in rows if _matches(subject, row)}
    before: set[ClipRow] = set()
    while mine != before:
        before = mine
        mine = mine | _joining(mine, rows)
    return mine


def _joining(mine: set[ClipRow], rows: Iterable[ClipRow]) -> set[ClipRow]:
    """Return the rows that are the subject's because of those which are known to be."""
    clips = {row.clip_id for row in mine if row.clip_id}
    pieces = {(row.name, row.speakers) for row in mine}
    stretches = {(row.name, row.start_s) for row in mine}
    names = {repr(row.name) for row in mine}
    # A row without a clip may be one of the many that could not be read: these have their bytes in common, and no more.
    files = {row.sha256 for row in mine if row.clip_id}
    joining, same_file, of_others = set[ClipRow](), set[ClipRow](), set[str]()
    for row in (row for row in rows if row not in mine):
        if (
            row.clip_id in clips
            or (row.name, row.speakers) in pieces
            or (row.name, row.start_s) in stretches
            or (row.copy_of and any(name in row.copy_of for name in names))
        ):
            joining.add(row)
        if row.sha256 in files:
            same_file.add(row)
            of_others |= {row.sha256} if row.speakers else set()
    return joining | {row for row in same_file if row.sha256 not in of_others}


def _matches(subject: Subject, row: ClipRow) -> bool:
    return {
        "speaker": subject.name in row.speakers,
        "clip": subject.name == row.clip_id,
        "source": subject.name == row.name,
    }[subject.kind]


def _never_ingested(held: Iterable[Held], mine: set[ClipRow]) -> set[str]:
    known = {(row.name, row.start_s) for row in mine if row.clip_id}
    wanted = [each for each in held if (row := each.as_row()) in mine and (row.name, row.start_s) not in known]
    return {clip_id for each in wanted if (clip_id := each.clip_id())}


def _samples_about(clips: set[str], said: Iterable[SaidRow]) -> set[str]:
    return {row.sample_id for row in said if row.clip_id in clips and row.sample_id}


def _places(mine: set[ClipRow], others: Iterable[ClipRow]) -> set[str]:
    whole = _of_nothing_else(mine, others, attrgetter("name"))
    return {row.name if row.name in whole else f"{row.name}@{row.start_s:g}" for row in mine}


def _of_nothing_else(mine: set[ClipRow], others: Iterable[ClipRow], part: Callable[[ClipRow], str]) -> set[str]:
    """Return what no other row has; what others have is not kept."""
    parts = {part(row) for row in mine}
    return parts - {found for row in others if (found := part(row)) in parts}


def _words(
    mine: set[ClipRow], others: Iterable[ClipRow], items: Sequence[Item], clips: set[str], samples: set[str]
) -> set[str]:
    """Return what was said of it and of nothing else, and the names of its files.

    What was said of others is read and not kept: there is as much of it as there is data.
    """

    def of_it(row: SaidRow) -> bool:
        return row.clip_id in clips if row.clip_id else row.sample_id in samples

    said = {text for row in said_rows(items) if of_it(row) for text in row.words}
    said |= {row.transcript for row in mine if row.transcript}
    long = {text for text in said if len(text) >= _SHORTEST_WORDS}
    elsewhere = chain(
        (text for row in said_rows(items) if not of_it(row) for text in row.words),
        (row.transcript for row in others if row.transcript),
    )
    return _not_in(long, elsewhere) | _of_nothing_else(mine, others, attrgetter("name"))


def _not_in(texts: set[str], others: Iterable[str]) -> set[str]:
    """Return the texts that stand in none of the others."""
    sought = Words({text.encode(errors="surrogatepass") for text in texts})

    @lru_cache(_TEXTS)
    def standing_in(other: str) -> frozenset[bytes]:
        return frozenset(sought.standing_in(other.encode(errors="surrogatepass")))

    found = {word for other in others for word in standing_in(other)}
    return {text for text in texts if text.encode(errors="surrogatepass") not in found}
