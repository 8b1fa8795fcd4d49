"""Which questions are asked about which clips: a plan that is the same whenever it is read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Decoding, Description, Domain, GeneratorIdentity, Message
from components.core.conversation import text_conversation
from components.core.digests import digest_of
from components.self_generate.prompt_pool import Prompt, PromptPool, choose


@dataclass(frozen=True)
class Question:
    """What a generator reads; `sample_id` names it together with who answers it and how."""

    sample_id: str
    conversation: tuple[Message, ...]


@dataclass(frozen=True)
class Planned(Question):
    """A question with the clip and the prompt that it comes from."""

    description: Description
    prompt: Prompt


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The questions of a run in the order of the descriptions, cut into batches that are answered together.

    Of several shards each has the batches whose number leaves its own when divided by theirs: all shards together
    have the batches of the whole plan, every one as it is there.
    """

    descriptions: Artifact
    pools: Mapping[Domain, PromptPool]
    prompts_per_clip: int
    generator: GeneratorIdentity
    decoding: Decoding
    batch: int
    shard: int = 0
    shards: int = 1

    def __len__(self) -> int:
        full, rest = divmod(self.descriptions.manifest.counts.rows_out * self.prompts_per_clip, self.batch)
        return len(range(self.shard, full, self.shards)) * self.batch + rest * (full % self.shards == self.shard)

    def __iter__(self) -> Iterator[Planned]:
        """Yield the questions of all batches; raises what `batches` raises."""
        return chain.from_iterable(self.batches())

    def batches(self) -> Iterator[Sequence[Planned]]:
        """Read the descriptions again and ask.

        Raises:
            ConfigurationError: a pool has fewer prompts than `prompts_per_clip`.
        """
        questions = self._questions()
        for number in count():
            batch = list(islice(questions, self.batch))
            if not batch:
                return
            if number % self.shards == self.shard:
                yield batch

    def _questions(self) -> Iterator[Planned]:
        for description in self.descriptions.read(Description):
            pool = self.pools[description.domain]
            for prompt in choose(pool, description.clip_id, self.decoding.seed, self.prompts_per_clip):
                yield plan_question(description, prompt, self.generator, self.decoding)


def plan_question(
    description: Description, prompt: Prompt, generator: GeneratorIdentity, decoding: Decoding
) -> Planned:
    """Ask about a clip."""
    conversation = text_conversation(description.seed_description, prompt.text)
    sample_id = sample_id_of(description.clip_id, prompt.prompt_id, conversation, generator, decoding)
    return Planned(sample_id, conversation, description, prompt)


def sample_id_of(
    clip_id: str,
    prompt_id: str,
    conversation: Sequence[Message],
    generator: GeneratorIdentity,
    decoding: Decoding,
) -> str:
    """Return the digest of everything that an answer follows from: clip, words read, who reads them, how it answers."""
    return digest_of(
        {
            "clip_id": clip_id,
            "prompt_id": prompt_id,
            "conversation": [message.model_dump() for message in conversation],
            "generator": generator.model_dump(),
            "decoding": decoding.model_dump(),
        }
    )
