"""What a model's folder has to hold before a stage can load it: checked once, when it enters the store."""

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from components.core.contracts.errors import ConfigurationError

CONFIG = "config.json"
CHAT_TEMPLATE = "chat_template.jinja"
INDEX = "model.safetensors.index.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
TOKENIZERS = (("tokenizer.json",), ("tokenizer.model",), ("vocab.json", "merges.txt"))
TOKENIZER_FILES = frozenset(
    {name for names in TOKENIZERS for name in names}
    | {TOKENIZER_CONFIG, "added_tokens.json", "special_tokens_map.json", "vocab.txt"}
)
COPIED = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "LICENSE*", "NOTICE*")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def copy_folder(source: Path, target: Path) -> None:
    """Copy what belongs to a model; a link instead would let whoever edits the source damage the store.

    Raises:
        ConfigurationError: a file is a link that leads out of the folder.
    """
    for file in sorted({file for pattern in COPIED for file in source.glob(pattern)}):
        if not file.resolve().is_relative_to(source.resolve()):
            raise ConfigurationError(f"{file.name}: a link that leads out of the folder; copy the file into it")
        if file.is_file():
            shutil.copyfile(file, target / file.name)


def check_folder(folder: Path) -> None:
    """Make sure that a folder holds a loadable model.

    Raises:
        ConfigurationError: configuration, weights, tokenizer, chat template or feature extractor is missing or damaged.
    """
    config = _json(folder / CONFIG)
    _check_weights(folder)
    if not any(all((folder / name).is_file() for name in names) for names in TOKENIZERS):
        raise ConfigurationError("no tokenizer; want tokenizer.json, tokenizer.model, or vocab.json with merges.txt")
    if config.get("model_type") == "whisper":
        if not any((folder / name).is_file() for name in ("preprocessor_config.json", "processor_config.json")):
            raise ConfigurationError("no preprocessor_config.json: an audio encoder needs its feature extractor")
    elif chat_template(folder) is None:
        raise ConfigurationError(f"no {CHAT_TEMPLATE}: not a model that follows instructions; choose an instruct one")


def _check_weights(folder: Path) -> None:
    shards = set(_json(folder / INDEX)["weight_map"].values()) if (folder / INDEX).is_file() else set()
    present = {file.name for file in folder.glob("*.safetensors")}
    if missing := sorted(shards - present):
        raise ConfigurationError(f"{missing[0]}: missing, though {INDEX} names it")
    if not present:
        raise ConfigurationError("no safetensors weights; save the model with save_pretrained")
    for name in sorted(present):
        try:
            with safe_open(folder / name, framework="np"):
                pass
        except SafetensorError as error:
            raise ConfigurationError(f"{name}: not a whole safetensors file: {error}") from error


def pickles_in(folder: Path) -> list[str]:
    """Return the names of the files that only unpickling could read."""
    return sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))


def chat_template(folder: Path) -> str | None:
    """Return the text of the chat template, from its own file or from the tokenizer's configuration."""
    if (folder / CHAT_TEMPLATE).is_file():
        return (folder / CHAT_TEMPLATE).read_text("utf-8")
    found = _json(folder / TOKENIZER_CONFIG).get("chat_template") if (folder / TOKENIZER_CONFIG).is_file() else None
    if isinstance(found, list):  # several named templates; transformers takes the default one
        found = next((entry["template"] for entry in found if entry.get("name") == "default"), None)
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ConfigurationError(f"no {path.name}: not a model's folder") from error
    except ValueError as error:
        raise ConfigurationError(f"{path.name}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path.name}: want a JSON object, got {type(value).__name__}")
    return value
