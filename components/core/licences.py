"""Licences: by the names that the Hugging Face Hub knows, and by what they permit and ask (`licences.yaml`)."""

import re
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from components.core.contracts.records import Record

# The Hub's own list of identifiers, as far as recordings come under them.
_HUB = """
    afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc
    cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0
    cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0
    cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 ecl-2.0 etalab-2.0 eupl-1.1 gfdl gpl gpl-2.0 gpl-3.0 isc
    lgpl lgpl-2.1 lgpl-3.0 lgpl-lr mit mpl-2.0 odbl odc-by osl-3.0 pddl unlicense wtfpl zlib
"""
_KNOWN = frozenset(_HUB.split())
OTHER = "other"


def hub_licence(spdx: str) -> str:
    """Return the Hub's identifier of a licence named as in SPDX, `other` where the Hub has none."""
    plain = re.sub(r"-(only|or-later)$", "", spdx.strip().lower())
    return plain if plain in _KNOWN else OTHER


class Use(StrEnum):
    """What something is made for, and what speakers may agree to."""

    RESEARCH = "research"
    COMMERCIAL = "commercial"


class Terms(Record):
    """What a licence permits (commercial use, passing on changed copies) and asks."""

    commercial: bool
    derivatives: bool
    attribution: bool
    share_alike: bool


class _Group(Record):
    of: str
    terms: Terms


@cache
def _table() -> Mapping[str, Terms]:
    content = yaml.safe_load((Path(__file__).parent / "licences.yaml").read_text(encoding="utf-8"))
    groups = TypeAdapter(list[_Group]).validate_python(content)
    return {name.lower(): group.terms for group in groups for name in group.of.split()}


_PORT = re.compile(r"(cc-by(?:-nc)?(?:-sa|-nd)?-\d\.\d)-(?:[a-z]{2,3})")


def terms_of(licence: str) -> Terms | None:
    """Return what a licence permits and asks, `None` where it is not known."""
    plain = re.sub(r"-(only|or-later)$", "", "-".join(licence.lower().split()))
    ported = _PORT.fullmatch(plain)
    return _table().get(ported[1] if ported else plain)


def obligations(licences: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each thing that licences ask or forbid, with those that do."""
    known = {licence: terms for licence in sorted(licences) if (terms := terms_of(licence))}
    asked = (
        ("Name whom the recordings ask to name", [name for name, terms in known.items() if terms.attribution]),
        ("Share alike: pass adaptations on under the same licence", [n for n, t in known.items() if t.share_alike]),
        ("Pass on no changed recordings", [name for name, terms in known.items() if not terms.derivatives]),
        ("No commercial use", [name for name, terms in known.items() if not terms.commercial]),
        ("Read the terms, which are not known here", sorted(set(licences) - known.keys())),
    )
    yield from (f"{sentence}: {', '.join(names)}." for sentence, names in asked if names)
