"""NOTICE: whose recordings these are, under which terms, and what was done to them."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from infra.corpora.clips import StoredClip
from infra.corpora.packages import terms_of
from infra.corpora.plan import CorpusPlan

PREAMBLE = """\
The sample corpora hold recordings of other people, taken from Debian packages. They keep their authors' licences: the
licence of this project's code does not cover them. Some licences ask who passes a recording on to do so under the same
terms. What was done to them: files were chosen, renamed, cut into excerpts where a name ends in a time, and stored as
FLAC without loss where the package holds them uncompressed. Nothing else was changed.

The first part says for each corpus where it comes from. The second part is, word for word, what each package says of
its authors, their conditions and their licences. `licences/` holds the licence texts that packages only refer to.
"""
RULE = "=" * 100


def notice_of(plan: Sequence[CorpusPlan], clips: Sequence[StoredClip], root: Path) -> str:
    """Write the notice for these corpora; SourceError where a package comes without its terms."""
    parts = [PREAMBLE, *(_entry(corpus, clips) for corpus in plan)]
    by_terms: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted({name for corpus in plan for name in corpus.packages}):
        by_terms[terms_of(name, root)].append(name)
    parts += [f"{RULE}\n{', '.join(names)}\n{RULE}\n{terms}\n" for terms, names in by_terms.items()]
    return "\n".join(parts)


def _entry(corpus: CorpusPlan, clips: Sequence[StoredClip]) -> str:
    licences = sorted({clip.cells["licence"] for clip in clips if clip.corpus == corpus.name})
    packages = ", ".join(f"{name} {version}" for name, version in corpus.packages.items())
    lines = {"attribution": corpus.attribution, "licence": ", ".join(licences), "Debian packages": packages}
    return "\n".join([f"corpora/{corpus.name}", *(f"  {word}: {value}" for word, value in lines.items()), ""])
