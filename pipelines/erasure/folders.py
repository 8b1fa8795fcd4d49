"""Where an erasure keeps what it plans, has done and certifies: `erasures/<id>/`."""

import json
import shutil
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from components.core.contracts.errors import ContractError
from components.core.publishing import write_file
from pipelines.erasure.planning import Plan
from pipelines.erasure.unfinished import PLAN

CERTIFICATE, READABLE = "certificate.json", "certificate.md"


class ErasureFolder:
    """The files of one erasure."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def certificate(self) -> Path:
        """Where the certificate is, once all is done."""
        return self.folder / CERTIFICATE

    def begin(self, plan: Plan) -> None:
        """Write the plan; from now on the erasure has begun."""
        write_file(self.folder / PLAN, plan.model_dump_json(indent=1) + "\n")

    def plan(self) -> Plan:
        """Read the plan back.

        Raises:
            ContractError: it is damaged.
        """
        file = self.folder / PLAN
        try:
            return Plan.model_validate_json(file.read_bytes(), strict=False)
        except (OSError, ValidationError) as error:
            raise ContractError(
                f"{file}: damaged: the erasure cannot go on from it; remove {self.folder} and begin again with "
                "`desta erase`: what is erased already is not missed"
            ) from error

    def is_done(self, step: str) -> bool:
        """Tell whether a step is on record."""
        return self._mark(step).is_file()

    def result_of(self, step: str) -> Any | None:
        """Return what a step left on record; `None` before it was done, or where it leaves nothing."""
        file = self._mark(step)
        return json.loads(file.read_bytes()) if file.is_file() else None

    def mark_done(self, step: str, result: Any) -> None:
        """Put on record that a step is done."""
        write_file(self._mark(step), json.dumps(result, indent=1) + "\n")

    def forget_plan(self) -> None:
        """Remove what names the subject in clear, and what was kept for it; the certificate stays."""
        (self.folder / PLAN).unlink(missing_ok=True)
        for name in ("steps", "published"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _mark(self, step: str) -> Path:
        return self.folder / "steps" / f"{step}.json"
