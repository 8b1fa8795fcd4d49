"""A trained model on disk: the adapter's weights and a configuration that names both frozen parts by digest."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from components.core.contracts.errors import ContractError
from components.core.contracts.records import GeneratorIdentity, Record, Sha256
from components.core.digests import digest_of_file
from components.core.models.adapter import Adapter, AdapterConfig, untrained_adapter
from components.core.publishing import write_file

ADAPTER_FILE = "adapter.safetensors"
CONFIG_FILE = "config.json"


class Imported(Record):
    """Where an adapter that was trained elsewhere comes from: its files, and the models that it names itself."""

    files: Mapping[str, Sha256]
    encoder_model_id: str
    llm_model_id: str


class ModelConfig(Record):
    """What a trained adapter belongs to: it is of use only with these two frozen models.

    An imported adapter has learned from no samples that are known here, and no step was done here.
    """

    adapter: AdapterConfig
    max_transcript_tokens: int
    encoder: Sha256
    llm: Sha256
    backbone: GeneratorIdentity
    accepted: Sha256 | None
    steps: int = Field(ge=0)
    encoder_ref: str | None = None
    llm_ref: str | None = None
    """Where the frozen models can be fetched; `None` where only a folder had them."""
    imported: Imported | None = None

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if (self.accepted is None) != (self.imported is not None):
            raise ValueError("want the digest of the accepted samples, or where the adapter was imported from")
        return self


def save_model(folder: Path, adapter: Adapter, config: ModelConfig) -> None:
    """Write the adapter and its configuration."""
    weights = {name: tensor.detach().float().contiguous() for name, tensor in adapter.state_dict().items()}
    write_file(folder / ADAPTER_FILE, save(weights))
    write_file(folder / CONFIG_FILE, config.model_dump_json(indent=1) + "\n")


def read_config(folder: Path) -> ModelConfig:
    """Read a model's configuration.

    Raises:
        ContractError: it is missing or not valid.
    """
    path = folder / CONFIG_FILE
    try:
        return ModelConfig.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ContractError(
            f"{path}: not a model configuration: {str(error).splitlines()[0]}; train the model again"
        ) from error


def load_adapter(folder: Path, config: ModelConfig) -> Adapter:
    """Load the trained weights, every key of them.

    Raises:
        ContractError: the file is missing or damaged, a key is missing or unexpected, or a shape differs.
    """
    adapter = untrained_adapter(config.adapter)
    with _weights_of(folder) as file:
        weights = load_file(file)
    try:
        adapter.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise ContractError(f"{folder / ADAPTER_FILE}: does not fit {CONFIG_FILE}: {first}") from error
    return adapter


def weights_digest(folder: Path) -> str:
    """Return the sha256 of the trained weights' file; ContractError where it cannot be read."""
    with _weights_of(folder) as file:
        return digest_of_file(file)


def parameters_of(folder: Path) -> int:
    """Count the trained weights, without reading them; ContractError where that cannot be."""
    with _weights_of(folder) as file, safe_open(file, framework="np") as weights:
        return sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118 - no mapping


@contextmanager
def _weights_of(folder: Path) -> Iterator[Path]:
    """Hand out the file of the trained weights; whatever is wrong with it while it is read is a ContractError."""
    file = folder / ADAPTER_FILE
    try:
        yield file
    except (OSError, SafetensorError) as error:
        first = str(error).partition("\n")[0]
        raise ContractError(f"{file}: cannot be read: {first}; copy the model again, or train it again") from error
