"""What a prompt pool should be beyond what is needed to load it: varied, of readable length and balanced."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil
from pathlib import Path

from components.core.contracts.records import Domain
from components.self_generate.prompt_pool import PoolEntry, PoolFault, PoolFile, PromptCategory, examine, words_of

# Share of four-letter pieces that two prompts may have in common before one of them counts as a variant of the other.
# "Which emotion comes across?" and "What emotion comes across?" have 0.68, "How loud is the voice?" and "How loud is
# the background?" 0.38. Most short questions that differ in one word are variants: a pool lives from variety.
SIMILARITY = 0.6
LEAST_WORDS, MOST_WORDS = 3, 30
# A clip is asked one prompt of each category before a second of any: those of a small category are asked more often.
MOST_IMBALANCE = 1.5
# Words that only say how long the answer may be: "What is the mood? One sentence, please." asks "What is the mood?".
_FORM = re.compile(
    r"answer|answers|brief|briefly|enough|few|keep|one|only|please|reply"
    r"|sentence|sentences|short|single|word|words"
)


@dataclass(frozen=True)
class PoolCheck:
    """A pool file, all that is wrong with it, and what it holds unless it is no pool at all."""

    file: Path
    faults: tuple[PoolFault, ...]
    pool: PoolFile | None

    @property
    def categories(self) -> dict[PromptCategory, int]:
        """How many prompts each category has."""
        counts = Counter(entry.category for entry in self.entries)
        return {category: counts[category] for category in PromptCategory}

    @property
    def words(self) -> tuple[int, ...]:
        """Words of the shortest prompt, the three quartiles (nearest rank), and the longest; nothing without a pool."""
        lengths = sorted(len(entry.text.split()) for entry in self.entries)
        return tuple(lengths[(len(lengths) - 1) * quarter // 4] for quarter in range(5)) if lengths else ()

    @property
    def entries(self) -> tuple[PoolEntry, ...]:
        """The prompts in the order of the file."""
        return self.pool.prompts if self.pool else ()


def check_pool(path: Path) -> PoolCheck:
    """Read a pool and find all its faults: those that keep it from being loaded first."""
    file, faults = examine(path)
    wishes = chain(_forms(file, path), _variants(file, path), _balance(file, path)) if file else ()
    return PoolCheck(path, (*faults, *wishes), file)


def pool_paths(folder: Path) -> tuple[Path, ...]:
    """Return every pool that the folder holds or should hold: one of each domain."""
    return tuple(sorted({*folder.glob("*.yaml"), *(folder / f"{domain}.yaml" for domain in Domain)}))


def near_duplicates(texts: Sequence[str], threshold: float = SIMILARITY) -> Iterator[tuple[int, int, float]]:
    """Pair the index of a text with that of the earlier one most like it, where their similarity (0 to 1) is enough."""
    earlier = Texts(texts, threshold)
    for number, text in enumerate(texts):
        if twin := earlier.twin_of(text):
            yield number, *twin
        earlier.add(text)


class Texts:
    """Texts that are asked, one after the other, whether they have one like another.

    Similarity is the Jaccard index of the four-letter pieces of their words; order does not count, and words for the
    length of the answer do not either. Only texts that share one of their rarest pieces are compared: sets this similar
    cannot do without (prefix filter: Bayardo, Ma and Srikant 2007, Scaling up all pairs similarity search). What is
    rare is decided by `known` once, since all texts have to agree on it.
    """

    def __init__(self, known: Iterable[str], threshold: float = SIMILARITY) -> None:
        """Count the pieces of texts like those that will be added; nothing is added yet."""
        self._threshold = threshold
        self._uses = Counter(chain.from_iterable(_pieces(text) for text in known))
        self._pieces: list[frozenset[str]] = []
        self._having: defaultdict[str, list[int]] = defaultdict(list)

    def twin_of(self, text: str) -> tuple[int, float] | None:
        """Return which of the added texts is most like this one, and how much, where that is enough; the first wins."""
        mine = _pieces(text)
        rivals = {rival for piece in self._telling(mine) for rival in self._having[piece]}
        likeness, nearest = max(((_likeness(mine, self._pieces[rival]), -rival) for rival in rivals), default=(0.0, 0))
        return (-nearest, likeness) if likeness >= self._threshold else None

    def add(self, text: str) -> None:
        """Let later texts be compared with this one."""
        mine = _pieces(text)
        for piece in self._telling(mine):
            self._having[piece].append(len(self._pieces))
        self._pieces.append(mine)

    def _telling(self, pieces: frozenset[str]) -> list[str]:
        rarest_first = sorted(pieces, key=lambda piece: (self._uses[piece], piece))
        # The small number outweighs rounding, which must not shorten the list.
        return rarest_first[: len(pieces) - ceil(self._threshold * len(pieces) - 1e-9) + 1]


def _likeness(mine: frozenset[str], other: frozenset[str]) -> float:
    shared = len(mine & other)
    return shared / (len(mine) + len(other) - shared)


def _pieces(text: str) -> frozenset[str]:
    words = words_of(text)
    telling = [word for word in words if not _FORM.fullmatch(word)] or words
    return frozenset(f" {word} "[start : start + 4] for word in telling for start in range(max(1, len(word) - 1)))


def form_fault(text: str) -> str | None:
    """Say what is wrong with the form of a prompt, `None` if nothing is."""
    if text.count('"') % 2:
        return "has an odd number of quotation marks: close or remove them"
    if re.search(r"[.?!]\"?$", text.strip()) and text.isprintable():
        return None
    return "is not whole sentences in one line: end it with a full stop, question mark or exclamation mark"


def _variants(file: PoolFile, path: Path) -> Iterator[PoolFault]:
    # The same words twice are a fault already, found when the pool was examined.
    first: dict[tuple[str, ...], PoolEntry] = {}
    for entry in file.prompts:
        first.setdefault(words_of(entry.text), entry)
    differing = tuple(first.values())
    for later, earlier, likeness in near_duplicates([entry.text for entry in differing]):
        twin = differing[earlier]
        fault = f"{likeness:.0%} like {twin.id} ({twin.text!r}): ask something else or remove one"
        yield PoolFault(path, fault, differing[later].id)


def _forms(file: PoolFile, path: Path) -> Iterator[PoolFault]:
    for entry in file.prompts:
        if entry.text.split() and (fault := length_fault(entry.text) or form_fault(entry.text)):
            yield PoolFault(path, fault, entry.id)


def length_fault(text: str) -> str | None:
    """Say what is wrong with the length of a prompt, `None` if nothing is."""
    count = len(text.split())
    if count < LEAST_WORDS:
        return f"has {count} words, want at least {LEAST_WORDS}: ask in full"
    return f"has {count} words, want at most {MOST_WORDS}: shorten it" if count > MOST_WORDS else None


def _balance(file: PoolFile, path: Path) -> Iterator[PoolFault]:
    counts = Counter(entry.category for entry in file.prompts)
    most, least = (pick(PromptCategory, key=lambda category: counts[category]) for pick in (max, min))
    if counts[most] > MOST_IMBALANCE * counts[least]:
        fault = (
            f"{counts[most]} {most} prompts and {counts[least]} {least}: at most {MOST_IMBALANCE:g} to 1: add {least}"
        )
        yield PoolFault(path, fault)
