"""Models that learned from what is erased: found by what they were trained on, marked in the registry, and mended."""

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import MANIFEST, Manifest, read_manifest
from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.contracts.parquet import read_columns
from components.core.contracts.records import Record, Sample, Sha256
from components.core.home import Home
from components.core.registry import ERASED, EVALUATION, MODEL_NAME, RETRAIN, Registry, explaining, open_registry
from components.core.runs import RunRecord, passing_over, read_run, read_stage, run_dirs
from components.core.settings import flat
from pipelines.erasure.recordings import corpora_below
from pipelines.erasure.subject import Erased
from pipelines.profiles import PROFILES, profile_named

_LEARNED = ("train", "validation")


class MarkedModel(Record):
    """A model that learned from what is erased; `samples` by split: validation decides when training ends."""

    digest: Sha256
    version: str | None
    champion: bool
    samples: dict[str, int]
    retrain: str

    def __str__(self) -> str:
        name = f"{MODEL_NAME}@{self.version}" if self.version else f"model {self.digest}"
        used = ", ".join(f"{count} {split}" for split, count in sorted(self.samples.items()))
        champion = "THE CHAMPION, " if self.champion else ""
        return f"{champion}{name} learned from it ({used} samples); mend it: {self.retrain}"


def models_of(home: Home, root: Path, erased: Erased) -> tuple[MarkedModel, ...]:
    """Return every model that was trained, or chosen, on samples about the subject.

    Raises:
        SourceError: MLflow cannot be used.
    """
    folders = [file.parent for place in (home.root, root / "data") for file in sorted(place.rglob(MANIFEST))]
    manifests = {folder: manifest for folder in folders if (manifest := _manifest_of(folder))}
    accepted = {manifest.digest: folder for folder, manifest in manifests.items() if manifest.kind == "accepted"}
    models = {manifest.digest: manifest for manifest in manifests.values() if manifest.kind == "model"}
    found = []
    for digest, manifest in sorted(models.items()):
        folder = accepted.get(manifest.lineage.inputs.get("accepted", ""))
        samples = _samples_about(folder, erased) if folder else Counter[str]()
        if any(samples[split] for split in _LEARNED):
            found.append(_marked(digest, samples, home, root))
    return tuple(found)


def _manifest_of(folder: Path) -> Manifest | None:
    try:
        return read_manifest(folder)
    except ContractError:
        return None


def _samples_about(accepted: Path, erased: Erased) -> Counter[str]:
    clips, found = frozenset(erased.traces.clips), Counter[str]()
    for shard in sorted(accepted.glob("part-*.parquet")):
        rows = read_columns(shard, Sample, ["clip_id", "split"]).to_pylist()
        found.update(row["split"] for row in rows if row["clip_id"] in clips)
    return found


def _marked(digest: str, samples: Mapping[str, int], home: Home, root: Path) -> MarkedModel:
    version, champion = None, None
    if registry := _registry(home):
        with explaining(home):
            found = registry.version_of(digest)
            version, champion = str(found.version) if found else None, registry.champion
    return MarkedModel(
        digest=digest,
        version=version,
        champion=version is not None and version == champion,
        samples=dict(samples),
        retrain=_retrain(digest, home, root),
    )


def _registry(home: Home) -> Registry | None:
    try:
        with explaining(home):
            return open_registry(home)
    except ConfigurationError:
        return None


def mark(models: tuple[MarkedModel, ...], erasure: str, home: Home) -> None:
    """Say in the registry of each model what it learned from, and which command trains one in its place.

    Raises:
        SourceError: MLflow cannot be used.
    """
    registry = _registry(home)
    for model in models if registry else ():
        if registry and model.version:
            with explaining(home):
                said = str(registry.version(model.version).description or "")
                line = f"Learned from data that erasure {erasure} took away since. Mend it: `{model.retrain}`"
                text = said if line in said else f"{said}\n\n{line}".strip()
                registry.describe(model.version, text, {ERASED: erasure, RETRAIN: model.retrain})


def move_evaluations(new_digests: Mapping[str, str], home: Home) -> None:
    """Let each version name the new version of its evaluation.

    Raises:
        SourceError: MLflow cannot be used.
    """
    if registry := _registry(home):
        with explaining(home):
            for version in registry.versions():
                if new := new_digests.get(version.tags.get(EVALUATION, "")):
                    registry.describe(str(version.version), version.description or "", {EVALUATION: new})


def _retrain(digest: str, home: Home, root: Path) -> str:
    """Return the command line of the run that made a model, for what is left of its data."""
    for run_dir, record in passing_over(run_dirs(home.runs), lambda folder: (folder, read_run(folder))):
        trained = read_stage(run_dir, "train_model")
        if trained and any(output.digest == digest for output in trained.outputs.values()):
            return command_of(record, root)
    return "desta run"


def command_of(run: RunRecord, root: Path) -> str:
    """Return the command line that asks for the same run again."""
    return shlex.join(["desta", "run", *_words_of(run, root)])


def _words_of(run: RunRecord, root: Path) -> Iterator[str]:
    profile = profile_named(run.profile if run.profile in PROFILES else "sample")
    yield from ("--profile", profile.name)
    corpora = [str(corpus) for corpus in run.parameters.get("corpora", ())]
    if corpora and not set(corpora) <= {str(corpus.resolve()) for corpus in corpora_below(root)}:
        yield from (word for corpus in corpora for word in ("--corpus", corpus))
    if accepted := run.parameters.get("accepted"):
        yield from ("--from-published", Path(accepted).parent.name)
    for name in ("encoder", "llm"):
        if (asked := run.parameters.get(name)) and asked != getattr(profile, name):
            yield from (f"--{name}", str(asked))
    for name, settings in sorted(run.parameters.items()):
        if isinstance(settings, Mapping):
            stage = name.removesuffix("_settings")
            yield from _changes(stage, settings, profile.settings(stage).model_dump(mode="json"))


def _changes(stage: str, asked: Mapping[str, Any], usual: Mapping[str, Any]) -> Iterator[str]:
    before = dict(flat(usual))
    for name, value in flat(asked):
        if before.get(name) != value:
            yield from ("--set", f"{stage}.{name}={json.dumps(value) if isinstance(value, Mapping) else value}")
