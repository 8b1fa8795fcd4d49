"""A folder that a command writes where its user says."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.publishing import published


def check_new(to: Path) -> None:
    """Make sure that nothing is where a folder shall be.

    Raises:
        ConfigurationError: something is.
    """
    if os.path.lexists(to):
        raise ConfigurationError(f"{to}: exists; name a folder that does not exist yet")


@contextmanager
def new_folder(to: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `to` when the block ends; what cannot be finished does not stay.

    Raises:
        SourceError: the folder cannot be written.
    """
    try:
        with published(to.absolute()) as folder:
            try:
                yield folder
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    except OSError as error:
        raise SourceError(
            f"{to}: cannot be written: {error.strerror or error}; free room or name another place"
        ) from error
