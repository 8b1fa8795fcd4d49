"""Growing a pool of prompts: the backbone writes new ones after those that are there, the rules of the check decide.

The pool is written after every batch and the account of it last: what is not in the account is asked again, so that an
expansion that was killed ends with the same bytes as one that was not.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from pydantic import Field, ValidationError

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Decoding, Domain, Message, Record, Sha256
from components.core.digests import digest_of, seed_of
from components.core.publishing import write_file
from components.self_generate.generation import Generator, Reply, replies_to
from components.self_generate.prompt_checks import MOST_IMBALANCE, Texts, check_pool, form_fault, length_fault
from components.self_generate.prompt_pool import LEAK, PoolEntry, PoolFile, PromptCategory, words_of

EXAMPLES = 3
"""How many prompts the backbone is shown beside the one that it is to write after."""

_CLIPS = {
    Domain.SPEECH: "a recording of somebody who speaks",
    Domain.SOUND: "a recording of a sound",
    Domain.MUSIC: "a recording of music",
}
_ASKS = {
    PromptCategory.DESCRIPTIVE: "asks what can be heard",
    PromptCategory.ROLE_PLAY: "gives the listener a role and asks for an answer in that role",
    PromptCategory.OPEN_ENDED: "asks for the listener's opinion or imagination",
}

_AGAIN = "Another one, about something else."


class Rule(StrEnum):
    """Why a candidate is refused; all but `cut_off` are rules of `desta prompts check`."""

    CUT_OFF = "cut_off"
    LENGTH = "length"
    FORM = "form"
    LEAK = "leak"
    REPEATED = "repeated"
    NEAR_DUPLICATE = "near_duplicate"
    IMBALANCE = "imbalance"


class Account(Record):
    """How far an expansion has come; `begun_with` is the digest of all that decides what comes of it."""

    begun_with: Sha256
    asked: int = Field(ge=0)
    kept: int = Field(ge=0)
    refused: dict[str, int]
    refused_in_a_row: int = Field(ge=0)

    def __str__(self) -> str:
        reasons = ", ".join(f"{rule} {count}" for rule, count in sorted(self.refused.items(), key=lambda kv: -kv[1]))
        total = sum(self.refused.values())
        return f"asked {self.asked}, kept {self.kept}, refused {total}" + (f" ({reasons})" if total else "")


@dataclass(frozen=True, kw_only=True)
class Expansion:
    """What is asked for: a pool of `to` prompts after `source`, by an author (a generator's identity) who decodes so.

    It stops early when `patience` candidates in a row were refused.
    """

    source: PoolFile
    to: int
    author: Sha256
    decoding: Decoding
    batch: int
    patience: int

    @cached_property
    def digest(self) -> str:
        """The digest of everything that decides what comes of it; a larger `to` goes on where a smaller one ended."""
        prompts = [entry.model_dump() for entry in self.source.prompts]
        drawn = {"decoding": self.decoding.model_dump(), "batch": self.batch}
        return digest_of({"domain": self.source.domain, "prompts": prompts, "author": self.author, **drawn})


@dataclass(frozen=True, kw_only=True)
class Request:
    """A prompt that the backbone is asked to write after `parent`."""

    sample_id: str
    parent: PoolEntry
    conversation: tuple[Message, ...]


def expand(expansion: Expansion, generator: Generator, folder: Path) -> Iterator[Account]:
    """Grow the pool in `folder`: yield the account that an earlier expansion there left, and that after every batch.

    Raises:
        ConfigurationError: the folder holds the beginning of another expansion, or a damaged one.
    """
    pool, account = _beginning(expansion, folder)
    yield account
    _keep(folder, expansion.source.domain, account)
    growing = Growing(expansion.source, pool.prompts[len(expansion.source.prompts) :], expansion.author)
    while len(growing.entries) < expansion.to and account.refused_in_a_row < expansion.patience:
        requests = _requests(growing, expansion, account.asked)
        replies = replies_to(requests, generator)
        account = _judged(growing, requests, replies, expansion.to, account)
        _write(folder, expansion.source, growing.entries, account)
        yield account


class Growing:
    """A pool while it grows, with what the rules need to know of it."""

    def __init__(self, source: PoolFile, found: Sequence[PoolEntry], author: str) -> None:
        """Begin with the prompts of a pool and those that were found before."""
        self.domain, self._author = source.domain, author
        self.entries: list[PoolEntry] = []
        self._texts = Texts(entry.text for entry in source.prompts)
        self._words: set[tuple[str, ...]] = set()
        self._numbers: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        for entry in (*source.prompts, *found):
            self._add(entry)

    @property
    def counts(self) -> Mapping[PromptCategory, int]:
        """How many prompts each category has."""
        return {category: self._counts[category] for category in PromptCategory}

    def of(self, category: PromptCategory) -> list[PoolEntry]:
        """Return the prompts of a category."""
        return [entry for entry in self.entries if entry.category == category]

    def rule_against(self, category: str, text: str) -> Rule | None:
        """Return the first rule that a candidate breaks."""
        if length_fault(text):
            return Rule.LENGTH
        if form_fault(text):
            return Rule.FORM
        if LEAK.search(text):
            return Rule.LEAK
        if words_of(text) in self._words:
            return Rule.REPEATED
        if self._texts.twin_of(text):
            return Rule.NEAR_DUPLICATE
        too_many = self._counts[category] + 1 > MOST_IMBALANCE * min(self.counts.values())
        return Rule.IMBALANCE if too_many else None

    def keep(self, parent: PoolEntry, text: str) -> None:
        """Add a prompt under the next number of its category."""
        number = self._numbers[parent.category] + 1
        name = f"{self.domain}-{parent.category}-{number:03d}"
        self._add(PoolEntry(id=name, category=parent.category, text=text, parent=parent.id, author=self._author))

    def _add(self, entry: PoolEntry) -> None:
        self.entries.append(entry)
        self._texts.add(entry.text)
        self._words.add(words_of(entry.text))
        self._counts[entry.category] += 1
        self._numbers[entry.category] = max(self._numbers[entry.category], int(entry.id.rpartition("-")[2]))


def candidate(answer: str) -> str:
    """Return the prompt in an answer: its first line with words, without a number, bullet or quotation marks."""
    line = next((line for line in answer.splitlines() if words_of(line)), "")
    bare = re.sub(
        r"^\s*(?:(?:request|question)?\s*\d+\s*[.):]|[-*•]|request:|question:)\s*", "", line, flags=re.IGNORECASE
    )
    return " ".join(bare.split()).strip("\"'“”*_ ")


def _requests(growing: Growing, expansion: Expansion, asked: int) -> list[Request]:
    """Ask for a batch: each time for the category that has the fewest prompts, counted with those asked for."""
    counts = dict(growing.counts)
    requests = []
    for number in range(asked, asked + expansion.batch):
        category = min(PromptCategory, key=lambda category: counts[category])
        counts[category] += 1
        requests.append(_request(growing, category, expansion, number))
    return requests


def _request(growing: Growing, category: PromptCategory, expansion: Expansion, number: int) -> Request:
    """Draw a parent from all prompts of the category, and examples from those that people wrote."""
    drawn = sorted(growing.of(category), key=lambda entry: seed_of(expansion.decoding.seed, str(number), entry.id))
    parent, examples = drawn[0], [entry for entry in drawn[1:] if entry.author is None][:EXAMPLES]
    conversation = conversation_of(growing.domain, category, [*(entry.text for entry in examples), parent.text])
    sample_id = digest_of({"expansion": expansion.digest, "number": number})
    return Request(sample_id=sample_id, parent=parent, conversation=conversation)


def conversation_of(domain: Domain, category: PromptCategory, texts: Sequence[str]) -> tuple[Message, ...]:
    """Return what the backbone reads: the texts as its own answers so far, the one that it is to write after last.

    A small model goes on in the manner of its own turns better than it follows a list.
    """
    wish = f"Write one short request to a person who listens to {_CLIPS[domain]}. It {_ASKS[category]}."
    turns = [Message(role="user", content=wish)]
    for text in texts:
        turns += [Message(role="assistant", content=text), Message(role="user", content=_AGAIN)]
    return tuple(turns)


def _judged(
    growing: Growing, requests: Sequence[Request], replies: Sequence[Reply], to: int, account: Account
) -> Account:
    """Keep what no rule is against, in the order of asking, until there are enough."""
    refused, kept, row, asked = Counter(account.refused), account.kept, account.refused_in_a_row, account.asked
    for request, reply in zip(requests, replies, strict=True):
        if len(growing.entries) == to:
            break
        asked += 1
        text = candidate(reply.response)
        cut_off = reply.finish_reason != "stop" and "\n" not in reply.response.strip()
        if rule := Rule.CUT_OFF if cut_off else growing.rule_against(request.parent.category, text):
            refused[rule.value] += 1
            row += 1
        else:
            growing.keep(request.parent, text)
            kept, row = kept + 1, 0
    counts = {"asked": asked, "kept": kept, "refused": dict(sorted(refused.items())), "refused_in_a_row": row}
    return account.model_copy(update=counts)


def _account_file(folder: Path, domain: Domain) -> Path:
    return folder / f"{domain}.expansion.json"


def _beginning(expansion: Expansion, folder: Path) -> tuple[PoolFile, Account]:
    """Return what an earlier expansion left, as far as its account goes; nothing kept where there was none."""
    file, pool_file = _account_file(folder, expansion.source.domain), folder / f"{expansion.source.domain}.yaml"
    fresh = Account(begun_with=expansion.digest, asked=0, kept=0, refused={}, refused_in_a_row=0)
    if not file.exists():
        if pool_file.exists():
            raise ConfigurationError(f"{pool_file}: a pool is here that no expansion wrote; name another folder")
        return expansion.source, fresh
    try:
        account = Account.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise ConfigurationError(
            f"{file}: not the account of an expansion; remove the folder and begin again"
        ) from error
    if account.begun_with != expansion.digest:
        raise ConfigurationError(
            f"{file}: was begun with another pool, model, seed, temperature or batch; name another folder, or ask alike"
        )
    if not account.kept:
        return expansion.source, account
    known = len(expansion.source.prompts) + account.kept
    found = check_pool(pool_file).entries[:known]
    if len(found) < known or found[: len(expansion.source.prompts)] != expansion.source.prompts:
        raise ConfigurationError(f"{pool_file}: is not what its account says; remove the folder and begin again")
    return expansion.source.model_copy(update={"prompts": found}), account


def _write(folder: Path, source: PoolFile, entries: Sequence[PoolEntry], account: Account) -> None:
    head = f"domain: {source.domain}\nversion: {source.version + 1}\nprompts:\n"
    lines = "".join(f"  - {_flow(entry)}\n" for entry in entries)
    write_file(folder / f"{source.domain}.yaml", head + lines)
    _keep(folder, source.domain, account)


def _keep(folder: Path, domain: Domain, account: Account) -> None:
    write_file(_account_file(folder, domain), account.model_dump_json(indent=1) + "\n")


def _flow(entry: PoolEntry) -> str:
    """Write a prompt as people do in the pools that ship; what the rules let pass is as good in YAML as in JSON."""
    values = entry.model_dump(exclude_none=True)
    text = json.dumps(values["text"], ensure_ascii=False)
    return "{" + ", ".join(f"{name}: {text if name == 'text' else value}" for name, value in values.items()) + "}"
