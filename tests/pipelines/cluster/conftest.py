from collections.abc import Iterator

import pytest

from tests.pipelines.cluster.kubeflow import Kubeflow, serving


@pytest.fixture
def kubeflow() -> Iterator[Kubeflow]:
    with serving() as server:
        yield server
