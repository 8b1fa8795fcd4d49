"""A trained model on disk: the adapter's weights and a configuration that names both frozen parts by digest.

Beside them are the weights of the LoRA, where it was trained with one.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self, TypeVar

from pydantic import Field, ValidationError, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn
from transformers import PreTrainedModel

from components.core.contracts.errors import ContractError
from components.core.contracts.records import GeneratorIdentity, Record, Sha256
from components.core.digests import digest_of, digest_of_file
from components.core.models.adapter import Adapter, AdapterConfig, untrained_adapter
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.lora import Lora, LoraConfig, untrained_lora
from components.core.publishing import write_file

ADAPTER_FILE = "adapter.safetensors"
LORA_FILE = "lora.safetensors"
CONFIG_FILE = "config.json"

T = TypeVar("T")


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
    lora: LoraConfig | None = None

    @property
    def weight_files(self) -> tuple[str, ...]:
        """The files that hold the trained weights."""
        return (ADAPTER_FILE, LORA_FILE) if self.lora else (ADAPTER_FILE,)

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if (self.accepted is None) != (self.imported is not None):
            raise ValueError("want the digest of the accepted samples, or where the adapter was imported from")
        return self


def save_model(folder: Path, adapter: Adapter, config: ModelConfig, lora: Lora | None = None) -> None:
    """Write the trained weights and their configuration; without LoRA it does not speak of it."""
    parts: dict[str, nn.Module] = {ADAPTER_FILE: adapter, **({LORA_FILE: lora} if lora is not None else {})}
    for name, part in parts.items():
        weights = {key: tensor.detach().float().contiguous() for key, tensor in part.state_dict().items()}
        write_file(folder / name, save(weights))
    said = config.model_dump_json(indent=1, exclude=None if config.lora else {"lora"})
    write_file(folder / CONFIG_FILE, said + "\n")


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
    """Load the trained weights of the adapter, every key of them.

    Raises:
        ContractError: the file is missing or damaged, a key is missing or unexpected, or a shape differs.
    """
    adapter = untrained_adapter(config.adapter)
    _load(folder / ADAPTER_FILE, adapter)
    return adapter


def load_lora(folder: Path, config: ModelConfig, llm: PreTrainedModel) -> Lora | None:
    """Put the trained LoRA beside the LLM, every key of it, where the model was trained with one.

    Raises:
        ContractError: as `load_adapter`, or the file is there and the configuration does not speak of it.
    """
    if config.lora is None:
        if (folder / LORA_FILE).exists():
            raise ContractError(f"{folder / LORA_FILE}: {CONFIG_FILE} speaks of no LoRA; copy the model again")
        return None
    lora = untrained_lora(llm, config.lora)
    _load(folder / LORA_FILE, lora)
    return lora.to(device=llm.device, dtype=llm.dtype)


def load_trained(folder: Path, config: ModelConfig, llm: PreTrainedModel) -> AudioLanguageModel:
    """Load all that was trained and join it with the LLM, on its device and in its precision, ready to answer.

    The LLM stays the frozen one for everybody else: see `AudioLanguageModel.speaking`.

    Raises:
        ContractError: see `load_adapter` and `load_lora`.
    """
    adapter = load_adapter(folder, config).to(device=llm.device, dtype=llm.dtype)
    return AudioLanguageModel(adapter, llm, load_lora(folder, config, llm)).eval()


def weights_digest(folder: Path) -> str:
    """Return the digest of all trained weights; ContractError where they cannot be read."""
    digests = {name: _read(folder / name, digest_of_file) for name in read_config(folder).weight_files}
    # Without LoRA the digest of the one file, as always: models keep their names.
    return digest_of(digests) if len(digests) > 1 else digests[ADAPTER_FILE]


def parameters_of(folder: Path) -> int:
    """Count the trained weights, without reading them; ContractError where that cannot be."""
    return sum(_read(folder / name, _count) for name in read_config(folder).weight_files)


def _count(file: Path) -> int:
    with safe_open(file, framework="np") as weights:
        return sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118 - no mapping


def _load(file: Path, part: nn.Module) -> None:
    weights = _read(file, load_file)
    try:
        part.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise ContractError(f"{file}: does not fit {CONFIG_FILE}: {first}") from error


def _read(file: Path, how: Callable[[Path], T]) -> T:
    """Read a file of trained weights; whatever is wrong with it is a ContractError."""
    try:
        return how(file)
    except (OSError, SafetensorError) as error:
        first = str(error).partition("\n")[0]
        raise ContractError(f"{file}: cannot be read: {first}; copy the model again, or train it again") from error
