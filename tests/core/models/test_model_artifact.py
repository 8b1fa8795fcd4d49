from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from components.core.contracts.errors import ContractError
from components.core.digests import digest_of_file
from components.core.models.model_artifact import (
    ADAPTER_FILE,
    CONFIG_FILE,
    LORA_FILE,
    load_adapter,
    load_lora,
    parameters_of,
    read_config,
    weights_digest,
)
from components.core.models.store import StoredModel
from tests.core.inference.making import untrained_model
from tests.core.models.test_lora import said, small_llm, trained_lora


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


@pytest.fixture
def with_lora(encoder: StoredModel, llm: StoredModel, tmp_path: Path) -> Path:
    return untrained_model(tmp_path / "with lora", encoder, llm, lora=trained_lora(small_llm()))


def test_a_lora_is_read_as_it_was_written(with_lora: Path) -> None:
    llm, other = small_llm(), small_llm()
    with trained_lora(llm).on():
        wanted = said(llm)

    lora = load_lora(with_lora, read_config(with_lora), other)

    assert lora is not None
    with lora.eval().on():
        assert said(other).equal(wanted)


def test_the_digest_and_the_size_of_a_model_have_its_lora(folder: Path, with_lora: Path) -> None:
    digest, size = weights_digest(with_lora), parameters_of(with_lora)
    assert digest != weights_digest(folder) == digest_of_file(folder / ADAPTER_FILE)
    assert size == parameters_of(folder) + sum(weights.numel() for weights in load_file(with_lora / LORA_FILE).values())

    save_file({n: 2 * weights for n, weights in load_file(with_lora / LORA_FILE).items()}, with_lora / LORA_FILE)

    assert weights_digest(with_lora) != digest


def test_without_lora_nothing_speaks_of_it(folder: Path) -> None:
    assert "lora" not in (folder / CONFIG_FILE).read_text()
    assert not (folder / LORA_FILE).exists()
    assert load_lora(folder, read_config(folder), small_llm()) is None


@pytest.mark.parametrize(
    ("layer", "weight", "told"),
    [(0, None, "Missing key"), (7, torch.ones(1), "Unexpected key"), (0, torch.ones(3, 32), "size mismatch")],
)
def test_weights_of_another_lora_do_not_load_in_silence(
    with_lora: Path, layer: int, weight: torch.Tensor | None, told: str
) -> None:
    file = with_lora / LORA_FILE
    weights = {**load_file(file), f"model.layers.{layer}.self_attn.q_proj.lora_A.weight": weight}
    save_file({name: tensor for name, tensor in weights.items() if tensor is not None}, file)

    with pytest.raises(ContractError, match=f"does not fit config.json: {told}") as refused:
        load_lora(with_lora, read_config(with_lora), small_llm())

    assert str(refused.value).startswith(f"{file}: ")
    assert "\n" not in str(refused.value)


def test_a_lora_and_a_configuration_come_together(folder: Path, with_lora: Path) -> None:
    (with_lora / LORA_FILE).rename(folder / LORA_FILE)

    with pytest.raises(ContractError, match=rf"{LORA_FILE}: {CONFIG_FILE} speaks of no LoRA; copy the model again"):
        load_lora(folder, read_config(folder), small_llm())
    with pytest.raises(ContractError, match=rf"{LORA_FILE}: cannot be read: "):
        load_lora(with_lora, read_config(with_lora), small_llm())
