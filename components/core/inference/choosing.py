"""Which trained model is meant: a folder, the model of a run, a version of the registry, or the newest one.

And which two frozen models stand beside it.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from components.core.contracts.artifacts import MANIFEST, open_artifact
from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.models.model_artifact import CONFIG_FILE, ModelConfig
from components.core.models.store import StoredModel, open_digest
from components.core.runs import State, passing_over, read_stage, read_tracking, run_dirs

_VERSION = re.compile(r"(?P<name>[\w.-]+)@(?P<version>\d+|champion)", re.ASCII)


def chosen_model(model: str | Path | None, home: Home) -> Path:
    """Return the folder of a trained model, verified where it has a manifest.

    `model` is a folder, the id of a run, or a registered version such as `desta-adapter@3` or
    `desta-adapter@champion`. Without it: the newest model that was registered, else the newest that was trained.

    Raises:
        ConfigurationError: there is no such model.
        ContractError: a file of it is missing, added or changed.
        SourceError: the champion is meant, and MLflow cannot be used.
    """
    folder = _newest(home) if model is None else _named(str(model), home)
    if (folder / MANIFEST).is_file():
        open_artifact(folder, "model")
    return folder


def frozen_models(folder: Path, config: ModelConfig, store: Path) -> tuple[StoredModel, StoredModel]:
    """Return the encoder and the LLM of a trained model, by the digests that it names.

    Raises:
        ConfigurationError: one of them is not in the store.
        ContractError: a file of one is missing, added or changed.
    """
    encoder = _frozen(folder, "encoder", config.encoder, config.encoder_ref, store)
    return encoder, _frozen(folder, "llm", config.llm, config.llm_ref, store)


def _named(model: str, home: Home) -> Path:
    if (Path(model) / CONFIG_FILE).is_file():
        return Path(model)
    if (home.runs / model / "run.json").is_file():
        if found := _trained(home.runs / model):
            return found
        raise ConfigurationError(f"run {model}: it has trained no model; `desta runs` lists others")
    if match := _VERSION.fullmatch(model):
        named = (match["name"], _champion(match["name"], home) if match["version"] == "champion" else match["version"])
        for folder, registered in _registered(run_dirs(home.runs)):
            if named == registered:
                return folder
        model = "@".join(named)
    raise ConfigurationError(
        f"model {model!r}: no folder with {CONFIG_FILE}, no run and no registered version of that name; "
        "`desta runs` lists the runs"
    )


def _champion(name: str, home: Home) -> str:
    from components.core.registry import MODEL_NAME, explaining, open_registry

    with explaining(home):
        champion = open_registry(home).champion if name == MODEL_NAME else None
    if champion is None:
        raise ConfigurationError(f"model '{name}@champion': there is no champion of that name; see `desta champion`")
    return champion


def _newest(home: Home) -> Path:
    runs = run_dirs(home.runs)
    for folder, _ in _registered(runs):
        return folder
    for found in filter(None, passing_over(runs, _trained)):
        return found
    raise ConfigurationError(f"{home.runs}: no trained model yet; train one with `desta run`, or name a folder")


def _registered(runs: Iterable[Path]) -> Iterator[tuple[Path, tuple[str, str]]]:
    """Yield the models that passed their gates, in the order of their runs, with name and version."""
    return filter(None, passing_over(runs, _registration))


def _registration(run_dir: Path) -> tuple[Path, tuple[str, str]] | None:
    tracking, folder = read_tracking(run_dir), _trained(run_dir)
    return (folder, (tracking.model.name, tracking.model.version)) if folder and tracking and tracking.model else None


def _trained(run_dir: Path) -> Path | None:
    record = read_stage(run_dir, "train_model")
    if record is None or record.state is not State.SUCCEEDED:
        return None
    return Path(record.outputs["model"].path)


def _frozen(folder: Path, part: str, digest: str, ref: str | None, store: Path) -> StoredModel:
    if model := open_digest(digest, store):
        return model
    fetch = f"desta models fetch {ref}" if ref else f"desta models fetch REF, with the {part} that it was trained with"
    raise ConfigurationError(f"{folder}: its {part} {digest[:12]} is not in the model store {store}; fetch it: {fetch}")
