"""Files that hold something of the subject, as the plan lists them."""

from pathlib import Path

from components.core.contracts.records import Record, Sha256
from components.core.corpora.entries import AUDIO_SUFFIXES
from components.core.corpora.formats.folder import TABLE_FILES
from pipelines.publish.published import FOLDER, RECORD

DATA = "data"


class Found(Record):
    """A file that holds something of it: where, its name for people, its content's sha256, and what was found."""

    place: str
    name: str
    sha256: Sha256
    holds: str

    def published_in(self, root: Path) -> str | None:
        """Return the name of the published dataset that it belongs to, if it does."""
        parts, depth = Path(self.name).parts, len(FOLDER.parts)
        if self.place != DATA or parts[:depth] != FOLDER.parts or len(parts) <= depth:
            return None
        return parts[depth] if (root / FOLDER / parts[depth] / RECORD).is_file() else None

    def is_shared(self, root: Path) -> bool:
        """Tell whether it lies below `data/` and holds others too, in a form that only people can write again."""
        if self.place != DATA or self.published_in(root):
            return False
        path = Path(self.name)
        return path.suffix.lower() not in AUDIO_SUFFIXES and path.name not in TABLE_FILES
