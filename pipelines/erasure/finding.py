"""Who and what the subject is: its clips, samples, original files and words, found in everything there is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from components.core.digests import digest_of_bytes
from pipelines.erasure.places import Item
from pipelines.erasure.recordings import Held, held_in
from pipelines.erasure.rows import ClipRow, SaidRow, clip_rows, said_rows, tables_in
from pipelines.erasure.searching import Words
from pipelines.erasure.subject import Erased, Subject, Traces

_SHORTEST_WORDS = 24
"""Shorter texts stand in other places by chance."""
_NO_BYTES = digest_of_bytes(b"")
"""What all files have in common that could not be read."""

Rows = Callable[[], Iterable[ClipRow]]
"""All clips and refused files, read anew each time."""


def find_erased(subject: Subject, items: Sequence[Item], root: Path) -> Erased:
    """Return all that is the subject's, in the results, in what was never ingested, and in what sounds the same.

    What others have is read as often as it is asked about, and not kept: there is as much of it as there is data.

    Raises:
        ConfigurationError: there is nothing.
        SourceError: a corpus cannot be read.
    """
    held, tables = held_in(root), tables_in(items)
    never_read = [each.as_row() for each in held]

    def rows() -> Iterator[ClipRow]:
        return chain(clip_rows(tables), never_read)

    mine = _closure(subject, rows)
    if not mine:
        raise ConfigurationError(
            f"--{subject.kind} {subject.name}: nothing of it is here, neither in the home nor in data/; "
            "`desta verify --erased` says what an earlier erasure took away"
        )
    files, names = _shared(mine, rows())
    clips = {row.clip_id for row in mine if row.clip_id} | _never_ingested(held, mine)
    samples = _samples_about(clips, said_rows(tables))
    words = _words(mine, rows(), tables, clips, samples) | ({row.name for row in mine} - names)
    return Erased(
        subject=subject,
        traces=Traces(
            speaker=subject.digest if subject.kind == "speaker" else None,
            clips=tuple(sorted(clips)),
            samples=tuple(sorted(samples)),
            sources=tuple(sorted({row.sha256 for row in mine} - files - {_NO_BYTES})),
        ),
        places=tuple(sorted(_places(mine, names))),
        words=tuple(sorted(words)),
    )


def _closure(subject: Subject, rows: Rows) -> set[ClipRow]:
    """Return the subject's rows, other pieces and other mentions of the same recordings, and copies of these."""
    mine = {row for row in rows() if _matches(subject, row)}
    before: set[ClipRow] = set()
    while mine != before:
        before = mine
        mine = mine | set(_joining(mine, rows))
    return mine


def _joining(mine: set[ClipRow], rows: Rows) -> Iterator[ClipRow]:
    """Yield the rows that are the subject's too, because of those that are known to be."""
    clips = {row.clip_id for row in mine if row.clip_id}
    pieces = {(row.name, row.speakers) for row in mine}
    stretches = {(row.name, row.start_s) for row in mine}
    names = {repr(row.name) for row in mine}
    # Files with content, and not one of the many that could not be read.
    heard = {row.sha256 for row in mine if row.clip_id}
    files = heard - {row.sha256 for row in rows() if row.sha256 in heard and row.speakers and row not in mine}
    for row in rows():
        if (
            row.clip_id in clips
            or (row.name, row.speakers) in pieces
            or (row.name, row.start_s) in stretches
            or row.sha256 in files
            or (row.copy_of and any(name in row.copy_of for name in names))
        ):
            yield row


def _shared(mine: set[ClipRow], rows: Iterable[ClipRow]) -> tuple[set[str], set[str]]:
    """Return the digests and the names of its files that others are in too."""
    digests, names = {row.sha256 for row in mine}, {row.name for row in mine}
    shared_digests, shared_names = set(), set()
    for row in rows:
        if (row.sha256 in digests or row.name in names) and row not in mine:
            shared_digests.add(row.sha256)
            shared_names.add(row.name)
    return shared_digests & digests, shared_names & names


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


def _places(mine: set[ClipRow], shared: set[str]) -> set[str]:
    return {f"{row.name}@{row.start_s:g}" if row.name in shared else row.name for row in mine}


def _words(
    mine: set[ClipRow], rows: Iterable[ClipRow], tables: Sequence[Item], clips: set[str], samples: set[str]
) -> set[str]:
    """Return what was said of it and of nothing else."""

    def of_it(row: SaidRow) -> bool:
        return row.clip_id in clips if row.clip_id else row.sample_id in samples

    said = {text for row in said_rows(tables) if of_it(row) for text in row.words}
    said |= {row.transcript for row in mine if row.transcript}
    long = {text for text in said if len(text) >= _SHORTEST_WORDS}
    elsewhere = chain(
        (text for row in said_rows(tables) if not of_it(row) for text in row.words),
        (row.transcript for row in rows if row.transcript and row not in mine),
    )
    return _not_in(long, elsewhere)


def _not_in(texts: set[str], others: Iterable[str]) -> set[str]:
    """Return the texts that stand in none of the others."""
    sought = Words({text.encode(errors="surrogatepass") for text in texts})
    found = {word for other in others for word in sought.standing_in(other.encode(errors="surrogatepass"))}
    return {text for text in texts if text.encode(errors="surrogatepass") not in found}
