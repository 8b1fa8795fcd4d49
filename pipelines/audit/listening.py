"""A clip as a page plays it."""

import re

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Clip
from pipelines.lineage.why import Lineage


def flac_of(clip_id: str, lineage: Lineage) -> bytes:
    """Return the FLAC file of a clip.

    Raises:
        ConfigurationError: it is no id of a clip, or no result here has that clip.
    """
    found = lineage.finder.clips(clip_id) if re.fullmatch("[0-9a-f]{64}", clip_id) else []
    if not found:
        raise ConfigurationError(f"clip {clip_id!r}: no result here has it")
    return lineage.records.read(found[0][1], Clip).audio.bytes
