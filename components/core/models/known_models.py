"""Configurations of models by name: those whose published sizes are known, and those of any folder or reference."""

import difflib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, PretrainedConfig

from components.core.contracts.errors import ConfigurationError
from components.core.models.store import open_model

UNBUILDABLE = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError),
    StrictDataclassError,
)
"""What transformers raises about a configuration that contradicts itself."""

_FILE = Path(__file__).with_suffix(".yaml")


def config_of(name: str, models: Path) -> PretrainedConfig:
    """Return the sizes of a model without its weights: a hub id that is known, a model of the store, or a folder.

    Raises:
        ConfigurationError: the name stands for none of these.
        ContractError: the model of the store is damaged.
    """
    if sizes := known_sizes().get(name):
        return _config(sizes)
    if name and Path(name).is_dir():
        return _of_folder(Path(name))
    if "://" in name:
        return _of_folder(open_model(name, models).folder)
    near = difflib.get_close_matches(name, known_sizes(), n=1, cutoff=0.4)
    meant = f"did you mean {near[0]}? " if near else ""
    raise ConfigurationError(
        f"{name}: not a known model; {meant}known: {', '.join(known_sizes())}; or name a folder or a reference"
    )


@cache
def known_sizes() -> Mapping[str, Mapping[str, Any]]:
    """Return what is known of each model, by its hub id."""
    sizes: Mapping[str, Mapping[str, Any]] = yaml.safe_load(_FILE.read_text("utf-8"))
    return sizes


def _config(sizes: Mapping[str, Any]) -> PretrainedConfig:
    given = dict(sizes)
    config: PretrainedConfig = AutoConfig.for_model(given.pop("model_type"), **given)
    return config


def _of_folder(folder: Path) -> PretrainedConfig:
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(folder)
    except (OSError, *UNBUILDABLE) as error:
        raise unusable(f"{folder}: no configuration of a model", error) from error
    return config


def unusable(what: str, error: Exception) -> ConfigurationError:
    """Return the line that says why a configuration cannot be used, which some errors say on several."""
    return ConfigurationError(f"{what}: {' '.join(str(error).split())[:200]}; mend its config.json")
