"""What the audit shows, page by page: read anew from the records of the home whenever a page is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from pipelines.audit.app import Ask
from pipelines.audit.erasing import erasure_view
from pipelines.audit.impacts import impact_view
from pipelines.audit.listening import flac_of
from pipelines.audit.logs import log_view
from pipelines.audit.overview import models_view, overview, results_view
from pipelines.audit.searching import search_view
from pipelines.audit.tracing import trace_view
from pipelines.audit.verifying import verification_view
from pipelines.lineage.catalogue import read_catalogue
from pipelines.lineage.why import Lineage


@dataclass(frozen=True)
class RecordsDesk:
    """The pages about one home; `root` is the checkout whose published datasets count."""

    home: Home
    root: Path

    @cached_property
    def pages(self) -> Mapping[str, Ask]:
        """By the first part of their address."""
        return {
            "": lambda _: overview(self._lineage()),
            "search": lambda asked: search_view(asked.get("q", ""), self._lineage()),
            "why": lambda asked: trace_view(_id(asked), self._lineage()),
            "results": lambda _: results_view(self._lineage()),
            "models": lambda _: models_view(self._lineage()),
            "impact": lambda asked: impact_view(asked, self._lineage()),
            "erasure": lambda asked: erasure_view(asked, self.home, self.root),
            "verify": lambda asked: verification_view(_id(asked), self.home),
            "log": lambda _: log_view(self.home),
        }

    def audio(self, clip_id: str) -> bytes:
        """Return the FLAC file of a clip.

        Raises:
            ConfigurationError: no result here has it.
        """
        return flac_of(clip_id, self._lineage())

    def _lineage(self) -> Lineage:
        return Lineage(read_catalogue(self.home, self.root))


def _id(asked: Mapping[str, str]) -> str:
    if "id" not in asked:
        raise ConfigurationError("the address of this page ends with the id of what it is about, and none was given")
    return asked["id"]
