"""What the cards of datasets and of models have in common: their header for the Hub, and tables of Markdown."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import yaml

from components.core.licences import OTHER, hub_licence, obligations

CARD = "README.md"
TASK = "audio-text-to-text"
PAPER = "DeSTA2.5-Audio: Toward General-Purpose Large Audio Language Model with Self-Generated Cross-Modal Alignment"
PAPER_ID = "2507.02768"
CITATION = (
    f"@misc{{desta25audio,\n  title = {{{PAPER}}},\n  year = {{2025}},\n  eprint = {{{PAPER_ID}}},\n"
    "  archivePrefix = {arXiv}\n}"
)


def front_matter(values: Mapping[str, Any]) -> str:
    """Write the header of a card."""
    return f"---\n{yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)}---\n\n"


def licence_entries(licences: Collection[str], name: str) -> dict[str, Any]:
    """Return the header's entries about licences; `name` is what they are called where the Hub does not know one."""
    unknown = sorted(licence for licence in licences if hub_licence(licence) == OTHER)
    entries: dict[str, Any] = {"license": sorted({hub_licence(licence) for licence in licences})}
    return entries | ({"license_name": name, "license_details": ", ".join(unknown)} if unknown else {})


def terms_of_use(use: str, licences: Collection[str], consents: Mapping[str, Collection[str]]) -> str:
    """Say what something was made for, and what licences and speakers ask of whoever uses it, a line each."""
    agreed = (f"Speakers of {name} agreed to: {', '.join(uses)}." for name, uses in sorted(consents.items()))
    return "\n".join(f"- {cell(line)}" for line in (f"Made for {use} use.", *obligations(licences), *agreed))


def language_codes(names: Iterable[str]) -> list[str]:
    """Return the ISO 639 codes of language tags such as `es-MX`, the only form that the Hub takes."""
    codes = {re.split(r"[-_]", name.strip().lower())[0] for name in names}
    return sorted({code for code in codes if re.fullmatch(r"[a-z]{2,3}", code)})


def dataset_name(accepted_digest: str) -> str:
    """Return a name that no other accepted samples have."""
    return f"desta-{accepted_digest[:12]}"


def table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """Write a table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def cell(text: str) -> str:
    """Keep somebody's own words inside one cell."""
    return " ".join(text.split()).replace("|", r"\|")
