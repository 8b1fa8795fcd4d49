"""Whether an erasure was begun and not finished: asked before anything begins, so nothing heavy comes along."""

from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home

PLAN = "plan.json"
"""In the folder of an erasure from its beginning to its end."""


def unfinished_erasure(home: Home) -> Path | None:
    """Return the folder of the erasure that was begun and not finished, if there is one."""
    return next((file.parent for file in sorted(home.erasures.glob(f"*/{PLAN}"))), None)


def require_none_unfinished(home: Home) -> None:
    """Make sure that no erasure is under way.

    Raises:
        ConfigurationError: one was begun and not finished; names it.
    """
    if left := unfinished_erasure(home):
        raise ConfigurationError(
            f"{home.root}: erasure {left.name} was begun and not finished; `desta erase --resume` finishes it"
        )
