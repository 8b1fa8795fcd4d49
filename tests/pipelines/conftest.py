"""The order of the tests."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest tests run last: what they would find is mostly found by others in seconds."""
    items.sort(key=lambda item: item.path.name == "test_end_to_end.py")
