"""Which data a run reads: what DVC points to, and the digest of the corpora's content."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from components.core.corpora.reading import read_corpora
from components.core.digests import digest_of
from components.core.file_digests import FileDigests
from components.core.home import Home
from components.core.tombstones import read_tombstones
from pipelines.sample_data import data_pointer, sample_corpora, sample_notices


def sources_of(corpora: Sequence[Path], home: Home) -> Mapping[str, str]:
    """Return the digest of each corpus by its name, and that of what was erased; unchanged files are not read again.

    Raises:
        ConfigurationError: a folder is not there.
        SourceError: a folder is not a corpus, or two have the same name.
        ContractError: the tombstones are damaged.
    """
    return {**corpora_of(corpora, home), **read_tombstones(home).as_sources()}


def corpora_of(corpora: Sequence[Path], home: Home) -> Mapping[str, str]:
    """Return the digest of each corpus by its name, alone; see `sources_of`."""
    digests = FileDigests(home.file_digests)
    return {corpus.policy.name: corpus.digest(digests) for corpus in read_corpora(corpora)}


def data_revision(corpora: Sequence[Path], home: Home) -> str:
    """Return `corpora:<sha256>` of the corpora's content, with `dvc:<md5>` before it where they are the sample's."""
    content = f"corpora:{digest_of(dict(corpora_of(corpora, home)))}"
    pointer = data_pointer() if set(corpora) <= set(sample_corpora()) else None
    return f"dvc:{pointer} {content}" if pointer else content


def notices_of(corpora: Sequence[Path], revision: str, home: Home) -> tuple[Path, ...]:
    """Return what the sample corpora's licences ask to go with them, if a run read the state of them that is here.

    Their content decides and not DVC's pointer, which also moves when something else comes under `data/`.
    """
    if not corpora or not set(corpora) <= {corpus.resolve() for corpus in sample_corpora()}:
        return ()
    same = revision.rsplit(maxsplit=1)[-1] == data_revision(corpora, home).split()[-1]
    return sample_notices() if same else ()
