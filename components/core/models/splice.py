"""Conversations as token ids, with the place where the audio vectors go.

The model reads `prefix ++ audio vectors ++ transcript ++ suffix` and learns `target` (DeSTA2.5-Audio).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from components.core.contracts.errors import ContractError
from components.core.contracts.records import AUDIO_LOCATOR, Message

NO_TRANSCRIPT = " "


@dataclass(frozen=True)
class Spliced:
    """One conversation about one clip, as ids; `target` ends with the end-of-turn token."""

    prefix: tuple[int, ...]
    transcript: tuple[int, ...]
    suffix: tuple[int, ...]
    target: tuple[int, ...]

    def length(self, queries: int) -> int:
        """Return the number of positions that the LLM sees, target included."""
        return len(self.prefix) + queries + len(self.transcript) + len(self.suffix) + len(self.target)


class Splicer:
    """Turns messages into ids with the backbone's own tokenizer and chat template."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_transcript_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._max_transcript_tokens = max_transcript_tokens

    def splice(self, messages: Sequence[Message], transcript: str | None, response: str) -> Spliced:
        """Return the ids of a conversation with exactly one audio locator.

        Raises:
            ContractError: the conversation has no locator, or more than one.
        """
        turns = [message.model_dump() for message in messages]
        text = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        parts = str(text).split(AUDIO_LOCATOR)
        if len(parts) != 2:
            raise ContractError(
                f"a conversation needs one {AUDIO_LOCATOR}, found {len(parts) - 1} in {str(text)[:80]!r}"
            )
        return Spliced(
            prefix=self._ids(parts[0]),
            transcript=self._ids(transcript or NO_TRANSCRIPT)[: self._max_transcript_tokens],
            suffix=self._ids(parts[1]),
            target=(*self._ids(response), int(self._tokenizer.eos_token_id)),
        )

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
