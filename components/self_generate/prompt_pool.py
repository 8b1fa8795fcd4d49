"""The versioned prompts that the backbone is asked about clips, and the fair draw of a few for each clip."""

import re
from collections import Counter
from collections.abc import Container, Iterator
from enum import StrEnum
from itertools import chain, islice, zip_longest
from pathlib import Path

import yaml
from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Domain, Record, Sha256
from components.core.digests import digest_of, seed_of

# The trained model hears the clip: a prompt that speaks of something to read would teach it a situation it is never in.
LEAK = re.compile(
    r"(?i)\b(above|annotat|attribute|below|bracket|caption|description|labell?ed|listed|metadata|paragraph|provided"
    r"|text(?!ur)|timestamp|transcrip|written)\w*"
)
POOLS_FOLDER = Path(__file__).parent / "prompts"


class PromptCategory(StrEnum):
    """What a prompt asks for: facts that can be heard, an answer in character, or judgement and imagination."""

    DESCRIPTIVE = "descriptive"
    ROLE_PLAY = "role_play"
    OPEN_ENDED = "open_ended"


class Prompt(Record):
    """A question or request that makes sense for any clip of its domain."""

    prompt_id: str
    domain: Domain
    category: PromptCategory
    text: str


class PromptPool(Record):
    """All the prompts of a domain, ordered by id."""

    domain: Domain
    version: int
    prompts: tuple[Prompt, ...]

    @property
    def digest(self) -> str:
        """The sha256 of the content, whatever the order or layout of the file it came from."""
        return digest_of(self.model_dump(mode="json"))


class PoolEntry(Record):
    """A prompt as a pool file holds it, its category not checked yet.

    One that a model wrote names the prompt that it was written after and the digest of the model's identity; neither
    is part of what is asked, so neither enters the digest of a pool or the id of a sample.
    """

    id: str
    category: str
    text: str
    parent: str | None = None
    author: Sha256 | None = None


class PoolFile(Record):
    """A pool as its file holds it."""

    domain: Domain
    version: int = Field(ge=1)
    prompts: tuple[PoolEntry, ...]


class PoolFault(ConfigurationError):
    """A rule that a pool breaks: the file, the prompt unless it is the whole file, what is wrong and what to do."""

    def __init__(self, file: Path, fault: str, prompt_id: str | None = None) -> None:
        super().__init__(f"{file}: " + (f"prompt {prompt_id}: " if prompt_id else "") + fault)
        self.file, self.fault, self.prompt_id = file, fault, prompt_id


def load_pools(folder: Path = POOLS_FOLDER) -> dict[Domain, PromptPool]:
    """Read `<domain>.yaml` for every domain; ConfigurationError when one is missing or breaks a rule."""
    return {domain: load_pool(folder / f"{domain}.yaml") for domain in Domain}


def load_pool(path: Path) -> PromptPool:
    """Read and check the pool `<domain>.yaml`; its first fault is raised, and says what to do."""
    file, faults = examine(path)
    if file is None or faults:
        raise faults[0]
    prompts = (
        Prompt(prompt_id=entry.id, domain=file.domain, category=PromptCategory(entry.category), text=entry.text)
        for entry in sorted(file.prompts, key=lambda entry: entry.id)
    )
    return PromptPool(domain=file.domain, version=file.version, prompts=tuple(prompts))


def examine(path: Path) -> tuple[PoolFile | None, tuple[PoolFault, ...]]:
    """Return what the file holds, or `None` where it is no pool, and all that keeps it from being loaded."""
    try:
        # The safe loader in C: the one in Python takes ten times as long.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        file = PoolFile.model_validate(content, strict=False)
    except ValidationError as error:
        return None, tuple(PoolFault(path, _misfit(each)) for each in error.errors(include_url=False))
    except (OSError, ValueError, yaml.YAMLError) as error:
        return None, (PoolFault(path, f"mend or restore it: {' '.join(str(error).split())}"),)
    return file, tuple(_faults(file, path))


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text, whatever its punctuation, case and spaces."""
    return tuple(re.findall(r"\w+", text.casefold()))


def choose(pool: PromptPool, clip_id: str, run_seed: int, count: int) -> tuple[Prompt, ...]:
    """Draw `count` different prompts for a clip, one of each category before a second of any.

    Prompts are ranked by a seed of their own (run, clip, prompt): a larger `count` only adds, a prompt that joins or
    leaves the pool changes only the clips that draw it. ConfigurationError for a count outside 1 to the pool's size.
    """
    size = len(pool.prompts)
    if not 1 <= count <= size:
        raise ConfigurationError(f"{pool.domain} prompts a clip: the pool has {size}, got {count}: ask for 1 to {size}")
    ranked = sorted(pool.prompts, key=lambda prompt: seed_of(run_seed, clip_id, prompt.prompt_id))
    categories = sorted(PromptCategory, key=lambda category: seed_of(run_seed, clip_id, category))
    rounds = zip_longest(*([prompt for prompt in ranked if prompt.category is category] for category in categories))
    return tuple(islice((prompt for prompt in chain.from_iterable(rounds) if prompt is not None), count))


def _misfit(error: ErrorDetails) -> str:
    where = ".".join(map(str, error["loc"])) or "the file"
    return f"mend {where}: {error['msg']}, got {str(error['input'])[:60]!r}"


def _faults(file: PoolFile, path: Path) -> Iterator[PoolFault]:
    if file.domain != path.stem:
        fault = f"domain is {file.domain}: a pool has the name of its domain: rename the file or mend the domain"
        yield PoolFault(path, fault)
    if not file.prompts:
        yield PoolFault(path, "holds no prompts: add some")
    uses = Counter(entry.id for entry in file.prompts)
    owners: dict[tuple[str, ...], str] = {}
    for entry in file.prompts:
        for fault in _entry_faults(file.domain, entry):
            yield PoolFault(path, fault, entry.id)
        if uses[entry.id] > 1:
            yield PoolFault(path, f"{uses[entry.id]} prompts have this id: give each its own", entry.id)
        if (owner := owners.setdefault(words_of(entry.text), entry.id)) != entry.id:
            yield PoolFault(path, f"repeats the text of {owner}: reword one or remove it", entry.id)
        for fault in _origin_faults(entry, uses):
            yield PoolFault(path, fault, entry.id)


def _entry_faults(domain: Domain, entry: PoolEntry) -> Iterator[str]:
    if entry.category not in set(PromptCategory):
        yield f"unknown category {entry.category!r}: use one of {', '.join(PromptCategory)}"
    if not re.fullmatch(re.escape(prefix := f"{domain}-{entry.category}-") + "[0-9]{3,}", entry.id):
        yield f"the id does not fit its domain and category: call it {prefix}NNN"
    if not entry.text.strip():
        yield "the text is empty: write it or remove the prompt"
    if leak := LEAK.search(entry.text):
        yield f"{leak[0]!r} betrays that the model reads and does not hear: say it otherwise"


def _origin_faults(entry: PoolEntry, known: Container[str]) -> Iterator[str]:
    if (entry.parent is None) != (entry.author is None):
        yield "has only one of parent and author: give both, or neither if a person wrote it"
    if entry.parent is not None and (entry.parent == entry.id or entry.parent not in known):
        yield f"its parent {entry.parent} is no other prompt of this pool: mend it"
