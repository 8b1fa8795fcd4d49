"""How a command ends: with a code for scripts, and one line for the reader where something can be mended."""

import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from components.core.contracts.errors import ConfigurationError, DestaError, ExitCode, SourceError
from components.core.home import current_home

Told = Callable[[DestaError], None]


def exit_code_of(work: Callable[[], int | None], told: Told = lambda _: None) -> int:
    """Do the work of a command and return its exit code; `told` learns the error that ended it.

    A reader of the output that has gone away, as `head` does, ends it without a word.
    """
    try:
        try:
            return _code_of(work, told)
        finally:
            sys.stdout.flush()  # the interpreter's own end would only print that it could not
    except BrokenPipeError:
        if not _nobody_reads():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return int(ExitCode.UNREAD)


def _code_of(work: Callable[[], int | None], told: Told) -> int:
    try:
        return int(work() or ExitCode.DONE)
    except DestaError as error:
        return _explained(error, told)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except OSError as error:
        if not (explained := _of_home(error)):
            raise
        return _explained(explained, told)


def _explained(error: DestaError, told: Told) -> int:
    print(f"error: {error}", file=sys.stderr, flush=True)
    with suppress(OSError):  # the folder that cannot be written may be the very one where it is told
        told(error)
    return int(error.exit_code)


def _of_home(error: OSError) -> DestaError | None:
    """Return the line about a home that cannot be used; other files are explained where they are read."""
    root = current_home().root
    if not isinstance(error.filename, str) or not Path(error.filename).absolute().is_relative_to(root):
        return None
    if root.exists() and not root.is_dir():
        return ConfigurationError(f"{root}: not a folder; remove it, or set DESTA_HOME to a folder")
    return SourceError(f"{error.filename}: {error.strerror}; mend it, or set DESTA_HOME to another folder")


def _nobody_reads() -> bool:
    output = select.poll()
    output.register(1, 0)
    return any(event & select.POLLERR for _, event in output.poll(0))
