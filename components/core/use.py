"""Whether recordings may be used for what they are meant for: what their licences and their speakers permit."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Clip
from components.core.corpora.policy import read_policy
from components.core.corpora.reading import licensed_rows
from components.core.licences import Use, terms_of

Row = tuple[str, str, str]
"""The corpus, the path and the licence of a recording."""
Consents = Mapping[str, tuple[Use, ...]]
"""What speakers agreed to, by corpus; a corpus that says nothing of it is not there."""
_SHOWN = 3


@dataclass
class _Forbidden:
    """Rows of a corpus that one reason forbids."""

    rows: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, path: str) -> None:
        self.rows += 1
        if len(self.first) < _SHOWN:
            self.first.append(path)


def check_corpora(use: Use, folders: Sequence[Path]) -> None:
    """Refuse a use that a row of some corpora forbids; tables are read row by row, and only where one could.

    Raises:
        ConfigurationError: rows forbid it; names every corpus, the reason, how many rows and the first of them.
        SourceError: a corpus cannot be read.
    """
    policies = {folder: read_policy(folder) for folder in folders}
    consents = {policy.name: policy.consent for policy in policies.values() if policy.consent}
    if use is Use.RESEARCH and not consents:
        return
    rows = (
        (policy.name, path, licence)
        for folder, policy in policies.items()
        for path, licence in licensed_rows(folder, policy)
    )
    _check(use, rows, consents)


def check_clips(use: Use, clips: Artifact) -> None:
    """Refuse a use that some clips forbid; three columns are read, a file at a time.

    Raises:
        ConfigurationError: see `check_corpora`.
    """
    told = clips.manifest.facts.get("corpora", {})
    consents = {name: tuple(map(Use, about["consent"])) for name, about in told.items() if about.get("consent")}
    _check(use, _rows_of(clips), consents)


def _rows_of(clips: Artifact) -> Iterator[Row]:
    for table in clips.columns(Clip, "source.corpus", "source.path", "licence"):
        yield from zip(*(column.to_pylist() for column in table.columns), strict=True)


def _check(use: Use, rows: Iterable[Row], consents: Consents) -> None:
    found: dict[str, dict[str, _Forbidden]] = {}
    for corpus, path, licence in rows:
        if reason := objection(use, licence, consents.get(corpus)):
            found.setdefault(corpus, {}).setdefault(reason, _Forbidden()).add(path)
    if found:
        corpora = "; ".join(f"{name}: {_told(name, reasons)}" for name, reasons in sorted(found.items()))
        raise ConfigurationError(
            f"use {use}: {len(found)} {'corpus forbids' if len(found) == 1 else 'corpora forbid'} it: {corpora}; "
            "leave these rows out, or name another use"
        )


@lru_cache(maxsize=4096)
def objection(use: Use, licence: str, consent: tuple[Use, ...] | None) -> str | None:
    """Return why a recording may not be used so, or `None`.

    A licence that is not known is good for research, and for more only where the consent says so.
    """
    if consent and use not in consent:
        return f"speakers agreed to {', '.join(consent)} only"
    if use is Use.RESEARCH:
        return None
    terms = terms_of(licence)
    if terms is None:
        return None if consent else f"licence {licence!a} is not known, and no `consent` in corpus.yaml permits it"
    return None if terms.commercial else f"licence {licence} forbids it"


def _told(corpus: str, reasons: Mapping[str, _Forbidden]) -> str:
    shown = [_line(corpus, reason, forbidden) for reason, forbidden in islice(reasons.items(), _SHOWN)]
    more = len(reasons) - len(shown)
    return ", ".join(shown) + (f", and {more} more reasons" if more else "")


def _line(corpus: str, reason: str, forbidden: _Forbidden) -> str:
    rows = f"{forbidden.rows} row{'s' if forbidden.rows > 1 else ''}"
    paths = ", ".join(f"{corpus}/{path}" for path in forbidden.first)
    return f"{reason} ({rows}: {paths}{', …' if forbidden.rows > len(forbidden.first) else ''})"
