"""Which questions are asked about which clips: a plan that is the same whenever it is read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Decoding, Description, Domain, GeneratorIdentity, Message
from components.core.conversation import text_conversation
from components.core.digests import digest_of
from components.self_generate.prompt_pool import Prompt, PromptPool, choose


@dataclass(frozen=True)
class Question:
    """A prompt about a clip; `sample_id` names it together with who answers it and how."""

    sample_id: str
    description: Description
    prompt: Prompt

    @property
    def conversation(self) -> tuple[Message, ...]:
        """What the generator reads."""
        return text_conversation(self.description.seed_description, self.prompt.text)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All questions of a run, in the order of the descriptions."""

    descriptions: Artifact
    pools: Mapping[Domain, PromptPool]
    prompts_per_clip: int
    generator: GeneratorIdentity
    decoding: Decoding

    def __len__(self) -> int:
        return self.descriptions.manifest.counts.rows_out * self.prompts_per_clip

    def __iter__(self) -> Iterator[Question]:
        """Read the descriptions again and ask.

        Raises:
            ConfigurationError: a pool has fewer prompts than `prompts_per_clip`.
        """
        for description in self.descriptions.read(Description):
            pool = self.pools[description.domain]
            for prompt in choose(pool, description.clip_id, self.decoding.seed, self.prompts_per_clip):
                yield self._question(description, prompt)

    def _question(self, description: Description, prompt: Prompt) -> Question:
        sample_id = sample_id_of(description, prompt, self.generator, self.decoding)
        return Question(sample_id, description, prompt)


def sample_id_of(description: Description, prompt: Prompt, generator: GeneratorIdentity, decoding: Decoding) -> str:
    """Return the digest of everything that an answer follows from: clip, words read, who reads them, how it answers."""
    conversation = text_conversation(description.seed_description, prompt.text)
    return digest_of(
        {
            "clip_id": description.clip_id,
            "prompt_id": prompt.prompt_id,
            "conversation": [message.model_dump() for message in conversation],
            "generator": generator.model_dump(),
            "decoding": decoding.model_dump(),
        }
    )
