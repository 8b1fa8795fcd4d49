"""What the two tasks of our own do in their pods before and after their work, as every command does."""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

from components.core.contracts.errors import DestaError
from components.core.privacy import PRIVATE_ENVIRONMENT

T = TypeVar("T")


def in_pod(work: Callable[[], T]) -> T:
    """Do the work of a task without telemetry; it imports what it needs, so that the libraries see that.

    Raises:
        SystemExit: it failed in a way that it can explain, which is one line of the log.
    """
    os.environ.update(PRIVATE_ENVIRONMENT)
    try:
        return work()
    except DestaError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        raise SystemExit(int(error.exit_code)) from error
