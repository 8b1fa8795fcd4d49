import pytest

from components.core.models.store import StoredModel
from components.self_generate.probe import Probe, probe


@pytest.fixture(scope="session")
def probed(llm: StoredModel) -> Probe:
    """What the embedded backbone makes of the probe."""
    return probe(llm)
