"""What was erased and must not come back: digests only, by which ingestion knows the same audio again."""

import json

from pydantic import ValidationError

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Record, Sha256
from components.core.digests import digest_of
from components.core.home import Home
from components.core.publishing import write_file

TOMBSTONES = "erased/tombstones"
"""The name under which they stand among the sources of clips, beside the corpora."""


class Tombstones(Record):
    """Erased clips by their samples, erased files by their content, and the erasures that took them away.

    The ids of the erasures are part of it: after one, a result is what was left, which is this home's own matter.
    """

    erasures: tuple[str, ...] = ()
    clips: frozenset[Sha256] = frozenset()
    files: frozenset[Sha256] = frozenset()

    def and_of(self, erasure: str, clips: frozenset[str], files: frozenset[str]) -> "Tombstones":
        """Return these and those of one more erasure."""
        erasures = tuple(sorted({*self.erasures, erasure}))
        return Tombstones(erasures=erasures, clips=self.clips | clips, files=self.files | files)

    def as_sources(self) -> dict[str, str]:
        """Return what they are among the sources of clips: nothing while nothing was erased."""
        return {TOMBSTONES: digest_of(_sorted(self))} if self.erasures else {}


def read_tombstones(home: Home) -> Tombstones:
    """Return what was erased in a home.

    Raises:
        ContractError: the file is damaged.
    """
    try:
        return Tombstones.model_validate_json(home.tombstones.read_bytes(), strict=False)
    except FileNotFoundError:
        return Tombstones()
    except ValidationError as error:
        raise ContractError(
            f"{home.tombstones}: damaged; restore it from a backup: without it what was erased could come back"
        ) from error


def write_tombstones(home: Home, tombstones: Tombstones) -> None:
    """Replace the tombstones of a home in one step."""
    write_file(home.tombstones, json.dumps(_sorted(tombstones), indent=1) + "\n")


def _sorted(tombstones: Tombstones) -> dict[str, list[str]]:
    return {name: sorted(getattr(tombstones, name)) for name in Tombstones.model_fields}
