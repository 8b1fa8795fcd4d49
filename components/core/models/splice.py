"""Conversations as token ids, with the places where the audio vectors go.

For each clip the model reads its audio vectors and then its transcript, where the conversation has a locator; it learns
`target` (DeSTA2.5-Audio).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from components.core.contracts.errors import ContractError
from components.core.contracts.records import AUDIO_LOCATOR, Message

NO_TRANSCRIPT = " "


@dataclass(frozen=True)
class Spliced:
    """One conversation as ids: the audio vectors of its clips stand between `pieces`, in their order.

    Each piece but the first begins with the transcript of the clip before it. `target` ends with the end-of-turn token.
    """

    pieces: tuple[tuple[int, ...], ...]
    target: tuple[int, ...]

    @property
    def clips(self) -> int:
        """How many clips it is about."""
        return len(self.pieces) - 1

    def length(self, queries: int) -> int:
        """Return the number of positions that the LLM sees, target included."""
        return sum(map(len, self.pieces)) + self.clips * queries + len(self.target)


class Splicer:
    """Turns messages into ids with the backbone's own tokenizer and chat template."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_transcript_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._max_transcript_tokens = max_transcript_tokens

    def splice(self, messages: Sequence[Message], transcripts: Sequence[str | None], response: str) -> Spliced:
        """Return the ids of a conversation with one audio locator for each transcript; `None` where nobody speaks.

        Raises:
            ContractError: the conversation has more locators or fewer.
        """
        turns = [message.model_dump() for message in messages]
        text = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        parts = str(text).split(AUDIO_LOCATOR)
        if len(parts) != len(transcripts) + 1:
            raise ContractError(
                f"a conversation needs an {AUDIO_LOCATOR} for each of its clips: want {len(transcripts)}, found"
                f" {len(parts) - 1} in {str(text)[:80]!r}"
            )
        said = [self._ids(transcript or NO_TRANSCRIPT)[: self._max_transcript_tokens] for transcript in transcripts]
        return Spliced(
            pieces=(self._ids(parts[0]), *(ids + self._ids(part) for ids, part in zip(said, parts[1:], strict=True))),
            target=(*self._ids(response), int(self._tokenizer.eos_token_id)),
        )

    def as_read(self, transcript: str) -> str:
        """Return a transcript as far as the model reads it."""
        ids = self._ids(transcript)
        whole = len(ids) <= self._max_transcript_tokens
        return transcript if whole else str(self._tokenizer.decode(ids[: self._max_transcript_tokens]))

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
