"""Whether a run is still what it recorded: every digest computed again, from the clips to the evaluation."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from components.core.audio import pcm_digest, quantise, samples_of
from components.core.contracts.artifacts import MANIFEST, Artifact, open_artifact
from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.contracts.records import Clip, Record
from components.core.digests import canonical_json, digest_of
from components.core.home import Home
from components.core.models.store import open_digest
from components.core.runs import StageRecord, passing_over, read_stage, read_tracking, run_dirs
from components.core.stages import STAGES, Stage
from pipelines.erasure.certificate import latest_of, replaced_in
from pipelines.status import run_dir_of

_CLIPS = "clips"


class Verified(Record):
    """A result or a frozen model whose every byte is what was recorded; `what` says what was computed again."""

    name: str
    digest: str
    what: str


def run_dir_named(home: Home, subject: str | None) -> Path:
    """Return the folder of a run, of the run that made a registered version such as `desta-adapter@3`, or the newest.

    Raises:
        ConfigurationError: there is no such run, or none made that version.
    """
    if subject is None or "@" not in subject:
        return run_dir_of(home, subject)
    for run_dir, tracking in passing_over(run_dirs(home.runs), lambda folder: (folder, read_tracking(folder))):
        if tracking and tracking.model and f"{tracking.model.name}@{tracking.model.version}" == subject:
            return run_dir
    raise ConfigurationError(f"{subject}: no run of this home made it; `desta runs` lists what they made")


def verify(run_dir: Path, home: Home) -> Iterator[Verified]:
    """Yield what was verified, in the order in which it was made.

    Raises:
        ContractError: the first thing that differs from its record.
    """
    made: dict[str, Artifact] = {}
    replaced = replaced_in(home)
    for stage in STAGES:
        record = read_stage(run_dir, stage.name)
        if record and stage.output in record.outputs:
            made[stage.name] = _opened(stage, record)
            what = _check_lineage(stage, made, replaced)
            what += f", {_check_clips(made[stage.name])} clips by their samples" if stage.output == _CLIPS else ""
            yield Verified(name=stage.output, digest=made[stage.name].digest, what=what)
    if not made:
        raise ContractError(f"{run_dir}: recorded no result; there is nothing to verify")
    models = {n: d for artifact in made.values() for n, d in artifact.manifest.lineage.models.items()}
    for name, digest in models.items():
        yield _check_model(name, digest, home)


def _opened(stage: Stage, record: StageRecord) -> Artifact:
    output = record.outputs[stage.output]
    artifact = open_artifact(Path(output.path), stage.output)
    if artifact.digest != output.digest:
        raise ContractError(
            f"{output.path}: is {artifact.digest}, and the run recorded {output.digest}; it was made again since, or "
            "exchanged"
        )
    written = canonical_json(artifact.manifest.model_dump(mode="json")) + "\n"
    if (artifact.folder / MANIFEST).read_text("utf-8") != written:
        raise ContractError(
            f"{artifact.folder / MANIFEST}: says what was recorded, in other bytes; it was changed by hand"
        )
    return artifact


def _check_lineage(stage: Stage, made: Mapping[str, Artifact], replaced: Mapping[str, str]) -> str:
    """Compare what a result says that it was made from with the results before it; say what was looked at.

    An erasure writes results again, and its certificate says so; the model that was trained before stays what it is.
    """
    artifact = made[stage.name]
    lineage, files = artifact.manifest.lineage, (*artifact.manifest.files, *artifact.manifest.attachments)
    if digest_of(lineage.model_dump(mode="json", exclude={"key"})) != lineage.key:
        raise ContractError(
            f"{artifact.folder}: its lineage does not give its key {lineage.key}; it was changed by hand"
        )
    before_erasure = 0
    for word, maker in stage.inputs.items():
        found = lineage.inputs.get(word)
        if maker in made and found != made[maker].digest:
            if found is None or latest_of(found, replaced) != made[maker].digest:
                raise ContractError(
                    f"{artifact.folder}: was made from {word} {found}, and {made[maker].folder} is {made[maker].digest}"
                )
            before_erasure += 1
    since = f", {before_erasure} of them erased from since" if before_erasure else ""
    return f"{len(files)} files, key, {len(lineage.inputs)} inputs{since}"


def _check_clips(clips: Artifact) -> int:
    """Compute the id of every clip again, from its own samples; return how many there are."""
    count = 0
    for clip in clips.read(Clip):
        count += 1
        if (found := pcm_digest(quantise(samples_of(clip.audio)))) != clip.clip_id:
            raise ContractError(f"{clips.folder}: clip {clip.clip_id} has the samples of {found}")
    return count


def _check_model(name: str, digest: str, home: Home) -> Verified:
    if open_digest(digest, home.models) is None:
        raise ContractError(
            f"model {name} {digest}: is not in {home.models}; `desta models fetch` brings those of the profiles"
        )
    return Verified(name=name, digest=digest, what="every file of the store")
