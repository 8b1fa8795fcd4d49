"""The gate between validation and training, from this side of it."""

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ContractError

_VALIDATOR = "validate_data"


def check_accepted(accepted: Artifact) -> None:
    """Make sure that these are samples which the validator let through.

    Raises:
        ContractError: another stage wrote them, or a gate of the validation refused them.
    """
    manifest = accepted.manifest
    if manifest.lineage.stage != _VALIDATOR:
        raise ContractError(
            f"{accepted.folder}: written by {manifest.lineage.stage}, not by {_VALIDATOR}; validate the samples first"
        )
    if refusals := manifest.facts.get("refusals"):
        raise ContractError(
            f"{accepted.folder}: {_VALIDATOR} did not let these samples through: {'; '.join(refusals)}; mend the data"
        )
