"""Where the encoder's features of clips lie on disk: a folder for each way of hearing, in it a file for each clip.

<root>/<digest of the hearing>/hearing.json
<root>/<digest of the hearing>/<first two characters>/<clip_id>.safetensors

Nothing here is of value: whoever removes a file or the whole folder makes the next run hear those clips again.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from components.core.contracts.records import Record, Sha256
from components.core.digests import digest_of
from components.core.publishing import write_file

HEARING = "hearing.json"
_ABANDONED_S = 3600.0


class Hearing(Record):
    """Everything but the clip that decides its features.

    The digest of the encoder is over its feature extractor's configuration too; `code` is that of the module which runs
    both, `versions` are those of the libraries that compute, `whole_window` tells whether what lies behind the end of a
    clip is kept.
    """

    encoder: Sha256
    layers: tuple[int, ...]
    whole_window: bool
    dtype: str
    device: str
    versions: dict[str, str]
    code: Sha256

    def __str__(self) -> str:
        layers = ", ".join(map(str, self.layers))
        frames = "all frames" if self.whole_window else "own frames"
        made_by = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"encoder {self.encoder[:12]}, layers {layers}, {frames}, {self.dtype}, {self.device}, {made_by}"


class FeatureFiles:
    """The files of one way of hearing."""

    def __init__(self, root: Path, hearing: Hearing) -> None:
        self.folder = root / digest_of(hearing.model_dump(mode="json"))
        self._hearing = hearing

    def file_of(self, clip_id: str) -> Path:
        """Return where the features of a clip are, or will be."""
        return self.folder / clip_id[:2] / f"{clip_id}.safetensors"

    def missing(self, clip_ids: Iterable[str]) -> set[str]:
        """Return the clips that have no file."""
        return {clip_id for clip_id in clip_ids if not self.file_of(clip_id).is_file()}

    def prepare(self) -> None:
        """Say in the folder what it is for, and remove what killed processes left half written."""
        write_file(self.folder / HEARING, self._hearing.model_dump_json(indent=1) + "\n")
        for draft in self.folder.rglob(".*.draft"):
            if time.time() - draft.stat().st_mtime > _ABANDONED_S:
                draft.unlink(missing_ok=True)


class Kept(Record):
    """What one folder holds; no `hearing` where an earlier version made it, and nothing reads it any more."""

    folder: str
    hearing: Hearing | None
    clips: int
    bytes: int


def kept_in(root: Path) -> Iterator[Kept]:
    """Yield what is kept, folder by folder."""
    for folder in sorted(path for path in root.glob("*") if path.is_dir()):
        sizes = [file.stat().st_size for file in folder.rglob("*.safetensors")]
        yield Kept(folder=folder.name, hearing=_hearing_of(folder), clips=len(sizes), bytes=sum(sizes))


def _hearing_of(folder: Path) -> Hearing | None:
    try:
        return Hearing.model_validate_json((folder / HEARING).read_bytes())
    except (OSError, ValidationError):
        return None


def erase_features(root: Path, clip_id: str) -> int:
    """Remove what is kept of a clip, whoever heard it, half-written files too; return how many files there were."""
    files = list(root.glob(f"*/*/*{clip_id}*"))
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)
