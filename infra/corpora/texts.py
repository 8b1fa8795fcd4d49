"""The words that packages keep for their recordings: transcripts and captions."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from components.core.contracts.errors import SourceError
from infra.corpora.plan import Texts

TextOf = Callable[[str], str]
"""Gives the words of a source file; raises SourceError where there are none."""


def open_texts(texts: Texts, root: Path, folder: str) -> TextOf:
    """Return what finds the words of a source file, which is named as the tables name it: below `folder`."""
    if texts.format == "stamp":
        return lambda source: _stamp_text(root / folder, source, texts.language)
    path = root / texts.file
    words = _asterisk_lines(path) if texts.format == "asterisk" else _sphinx_lines(path)

    def text_of(source: str) -> str:
        key = str(PurePosixPath(source).with_suffix(""))
        if not words.get(key):
            raise SourceError(f"{path}: no words for {key!r}: take another clip")
        return words[key]

    return text_of


def _asterisk_lines(path: Path) -> dict[str, str]:
    """Read lines `key: words`; of two lines with one key the first counts, as upstream reads them."""
    words: dict[str, str] = {}
    for line in gzip.decompress(_bytes(path)).decode("utf-8-sig").splitlines():
        key, colon, said = line.partition(":")
        if colon and not line.startswith(";"):
            words.setdefault(key.strip(), " ".join(said.split()))
    return words


def _sphinx_lines(path: Path) -> dict[str, str]:
    lines = re.findall(r"<s>(.*?)</s>\s*\((.+?)\)", _bytes(path).decode("utf-8"))
    return {key: " ".join(said.split()) for said, key in lines}


def _stamp_text(folder: Path, source: str, language: str) -> str:
    stem = PurePosixPath(source).with_suffix("")
    beside = folder / stem.with_name(stem.name.removesuffix(f"_desc_{language}") + ".txt")
    lines = _bytes(beside).decode("utf-8", errors="replace").splitlines()
    if language:
        mark = f"{language}.utf8="
        said = next((line.removeprefix(mark) for line in lines if line.startswith(mark)), "")
    else:
        said = lines[0] if lines else ""
    if not said.strip():
        raise SourceError(f"{beside}: no words{f' in {language}' if language else ''}: take another clip")
    return " ".join(said.split())


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}: unpack its package, or use --fetch") from error
