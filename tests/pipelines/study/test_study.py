import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from pipelines.study.study import material_of


@pytest.mark.parametrize(("run_id", "line"), [(None, "no run has come to accept samples"), ("r1", "no run r1")])
def test_a_study_needs_a_run_that_accepted_samples(home: Home, run_id: str | None, line: str) -> None:
    with pytest.raises(ConfigurationError, match=line):
        material_of(home, run_id)
