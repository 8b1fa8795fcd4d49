"""Digests of audio that must not be in the data: the recordings of benchmarks, by file or by clip."""

import re
from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from components.core.digests import digest_of

_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_blocklist(file: str) -> frozenset[str]:
    """Read a list of sha256 digests, one at the start of each line; the rest of a line and `#` lines are comments.

    `sha256sum` writes such files. No file, named by the empty string, is the empty list.

    Raises:
        ConfigurationError: the file cannot be read, or a line does not begin with a digest.
    """
    if not file:
        return frozenset()
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"validate_data.blocklist: {file}: cannot be read: {error}") from error
    words = {number: line.split()[0] for number, line in enumerate(lines, 1) if line.strip()}
    digests = {number: word for number, word in words.items() if not word.startswith("#")}
    for number, word in digests.items():
        if not _SHA256.fullmatch(word):
            raise ConfigurationError(
                f"validate_data.blocklist: {file}:{number}: {word[:70]!r} is no sha256; want 64 hexadecimal digits"
            )
    return frozenset(digests.values())


def blocklist_digest(file: str) -> str:
    """Return the digest of what a list holds, whatever its name, order and comments; empty for no list."""
    return digest_of(sorted(read_blocklist(file))) if file else ""
