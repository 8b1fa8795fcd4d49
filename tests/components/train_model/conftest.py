"""The small world is made once for all tests of this folder."""

import pytest

from components.core.models.store import StoredModel
from tests.components.train_model.making import World, make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, llm: StoredModel, encoder: StoredModel) -> World:
    """Models and inputs that take a second to train with."""
    return make_world(tmp_path_factory.mktemp("world"), llm, encoder)
