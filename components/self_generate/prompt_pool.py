"""The versioned prompts that the backbone is asked about clips, and the fair draw of a few for each clip."""

import re
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain, islice, zip_longest
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Domain, Record
from components.core.digests import digest_of, seed_of

# The trained model hears the clip: a prompt that speaks of something to read would teach it a situation it is never in.
LEAK = re.compile(r"(?i)\b(above|annotat|attribute|caption|description|metadata|text(?!ur)|timestamp|transcrip)\w*")


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


class _Entry(Record):
    id: str
    category: str
    text: str


class _PoolFile(Record):
    domain: Domain
    version: int = Field(ge=1)
    prompts: tuple[_Entry, ...] = Field(min_length=1)


def load_pools(folder: Path = Path(__file__).parent / "prompts") -> dict[Domain, PromptPool]:
    """Read `<domain>.yaml` for every domain; ConfigurationError when one is missing or breaks a rule."""
    return {domain: load_pool(folder / f"{domain}.yaml") for domain in Domain}


def load_pool(path: Path) -> PromptPool:
    """Read and check the pool `<domain>.yaml`; ConfigurationError names the file, the prompt and what to do."""
    try:
        file = _PoolFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")), strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigurationError(f"{path}: mend {where}: {first['msg']}, got {str(first['input'])[:60]!r}") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: mend or restore it: {' '.join(str(error).split())}") from error
    for fault in _faults(file, path.stem):
        raise ConfigurationError(f"{path}: {fault}")
    prompts = (
        Prompt(prompt_id=entry.id, domain=file.domain, category=PromptCategory(entry.category), text=entry.text)
        for entry in sorted(file.prompts, key=lambda entry: entry.id)
    )
    return PromptPool(domain=file.domain, version=file.version, prompts=tuple(prompts))


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


def _faults(file: _PoolFile, file_name: str) -> Iterator[str]:
    if file.domain != file_name:
        yield f"domain is {file.domain}: a pool has the name of its domain: rename the file or mend the domain"
    uses = Counter(entry.id for entry in file.prompts)
    owners: dict[str, str] = {}
    for entry in file.prompts:
        yield from _entry_faults(file.domain, entry)
        if uses[entry.id] > 1:
            yield f"prompt {entry.id}: {uses[entry.id]} prompts have this id: give each its own"
        if (owner := owners.setdefault(" ".join(entry.text.casefold().split()), entry.id)) != entry.id:
            yield f"prompt {entry.id}: repeats the text of {owner}: reword one or remove it"


def _entry_faults(domain: Domain, entry: _Entry) -> Iterator[str]:
    if entry.category not in set(PromptCategory):
        yield f"prompt {entry.id}: unknown category {entry.category!r}: use one of {', '.join(PromptCategory)}"
    if not re.fullmatch(re.escape(prefix := f"{domain}-{entry.category}-") + "[0-9]{3,}", entry.id):
        yield f"prompt {entry.id}: the id does not fit its domain and category: call it {prefix}NNN"
    if not entry.text.strip():
        yield f"prompt {entry.id}: the text is empty: write it or remove the prompt"
    if leak := LEAK.search(entry.text):
        yield f"prompt {entry.id}: {leak[0]!r} betrays that the model reads and does not hear: say it otherwise"
