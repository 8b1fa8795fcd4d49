"""What the audio encoder's features take on the disk, and how those of a clip are removed."""

import re
from collections.abc import Sequence

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.home import Home
from components.core.models.feature_files import Kept, erase_features, kept_in

_MB = 10**6


class FeatureListing(Record):
    """All that is kept, by the way it was heard."""

    folder: str
    bytes: int
    hearings: tuple[Kept, ...]

    def __str__(self) -> str:
        lines = [_line(kept) for kept in self.hearings]
        return "\n".join([*lines, f"{self.bytes / _MB:.1f} MB in {self.folder}, which may be removed at any time"])


class Erased(Record):
    """How many files there were of the clips that were asked for."""

    clips: int
    files: int

    def __str__(self) -> str:
        return f"{self.files} files of {self.clips} clips removed"


def listing(clip_ids: Sequence[str], home: Home) -> FeatureListing:
    """Return what is kept, by the way it was heard.

    Raises:
        ConfigurationError: a clip is named, though all are counted.
    """
    if clip_ids:
        raise ConfigurationError(f"desta features list: counts all clips, and takes no {clip_ids[0]!r}")
    hearings = tuple(kept_in(home.features))
    return FeatureListing(folder=str(home.features), bytes=sum(kept.bytes for kept in hearings), hearings=hearings)


def erase(clip_ids: Sequence[str], home: Home) -> Erased:
    """Remove all features of clips.

    Raises:
        ConfigurationError: no clip is named, or a name is no clip's.
    """
    if not clip_ids:
        raise ConfigurationError("desta features erase: name one clip or more by their ids, 64 hexadecimal characters")
    if odd := [clip_id for clip_id in clip_ids if not re.fullmatch("[0-9a-f]{64}", clip_id)]:
        raise ConfigurationError(f"desta features erase: {odd[0]!r} is no id of a clip, 64 hexadecimal characters")
    files = sum(erase_features(home.features, clip_id) for clip_id in clip_ids)
    return Erased(clips=len(clip_ids), files=files)


def _line(kept: Kept) -> str:
    heard = kept.hearing or "an earlier version's: nothing reads them any more"
    each = kept.bytes / max(1, kept.clips)
    return f"{kept.folder[:12]}  {kept.clips} clips, {kept.bytes / _MB:.1f} MB ({each / _MB:.2f} MB a clip)  {heard}"
