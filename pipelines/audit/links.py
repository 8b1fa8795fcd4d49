"""Names that lead to the page about what they name."""

from urllib.parse import quote

from pipelines.audit.view import Cell


def link_to(name: str) -> Cell:
    """Name a thing, and lead to its page."""
    return Cell(text=name, href=f"/why/{quote(name, safe='')}")
