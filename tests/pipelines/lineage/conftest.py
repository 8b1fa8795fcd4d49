"""One home for the tests of questions."""

from pathlib import Path

import pytest

from components.core.home import Home
from tests.pipelines.lineage.making import Made, make_home


@pytest.fixture
def made(tmp_path: Path, home: Home) -> Made:
    """The home of the commands, filled."""
    del home
    return make_home(tmp_path)
