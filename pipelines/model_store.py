"""The model store as the command line shows it."""

from collections.abc import Sequence

from components.core.home import Home
from components.core.models.store import ENCODER, LLM, MARKER, read_model_manifest, resolve_model


def fetch(references: Sequence[str], home: Home) -> str:
    """Bring models into the store, those of the profiles without references, and return a line for each.

    Raises:
        DestaError: a reference is malformed, or its model cannot be fetched or used.
    """
    models = [resolve_model(reference, home.models) for reference in references or (ENCODER, LLM)]
    return "\n".join(f"{model.ref}  {model.digest}  {model.folder}" for model in models)


def listing(home: Home) -> str:
    """Return a line for each stored model: digest, size, licence, and the reference that brought it.

    Raises:
        ContractError: the marker of one of them is damaged.
    """
    models = [read_model_manifest(marker.parent) for marker in sorted(home.models.glob(f"*/{MARKER}"))]
    lines = [f"{m.digest}  {sum(f.bytes for f in m.files) / 1e6:6.0f} MB  {m.licence}  {m.ref}" for m in models]
    return "\n".join(lines or [f"{home.models}: no models yet; `desta models fetch` brings those of the profiles"])
