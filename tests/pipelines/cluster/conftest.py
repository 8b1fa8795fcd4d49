from collections.abc import Iterator

import pytest

from components.core.home import Home
from tests.pipelines.cluster.kubeflow import Kubeflow, serving
from tests.pipelines.images.making import write_pushed


@pytest.fixture(autouse=True)
def _images_were_pushed(home: Home) -> None:
    write_pushed(home)


@pytest.fixture
def kubeflow() -> Iterator[Kubeflow]:
    with serving() as server:
        yield server
