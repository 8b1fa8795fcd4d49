from pathlib import Path

import pytest

from components.core.contracts.errors import ContractError
from components.core.models.model_artifact import (
    ADAPTER_FILE,
    load_adapter,
    parameters_of,
    read_config,
    weights_digest,
)
from components.core.models.store import StoredModel
from tests.core.inference.making import untrained_model


@pytest.fixture
def folder(encoder: StoredModel, llm: StoredModel, tmp_path: Path) -> Path:
    return untrained_model(tmp_path / "model", encoder, llm)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"not weights at all",
        slice(100),
        slice(-1),
        slice(1, None),
    ],
    ids=["empty", "text", "the beginning alone", "the last byte lost", "the first byte lost"],
)
def test_damaged_weights_are_one_clear_line(folder: Path, damaged: bytes | slice) -> None:
    file = folder / ADAPTER_FILE
    file.write_bytes(file.read_bytes()[damaged] if isinstance(damaged, slice) else damaged)
    for read in (lambda: load_adapter(folder, read_config(folder)), lambda: parameters_of(folder)):
        with pytest.raises(ContractError) as refused:
            read()
        assert str(refused.value).startswith(f"{file}: cannot be read: ")
        assert "\n" not in str(refused.value)


def test_weights_that_are_not_there_are_one_clear_line(folder: Path) -> None:
    (folder / ADAPTER_FILE).unlink()
    for read in (
        lambda: load_adapter(folder, read_config(folder)),
        lambda: parameters_of(folder),
        lambda: weights_digest(folder),
    ):
        with pytest.raises(ContractError, match=rf"{ADAPTER_FILE}: cannot be read: .*; copy the model again, or train"):
            read()
    (folder / ADAPTER_FILE).mkdir()
    with pytest.raises(ContractError, match="cannot be read"):
        load_adapter(folder, read_config(folder))
