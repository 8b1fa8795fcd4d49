"""What the model says back, and how tokens become text as they come."""

from dataclasses import dataclass
from typing import Literal

from transformers import PreTrainedTokenizerBase

from components.core.inference.hearing import HeardClip

FinishReason = Literal["stop", "length"]
"""`stop`: the model ended its turn; `length`: it had written as many tokens as it might."""


@dataclass(frozen=True)
class Generation:
    """An answer, and what it was an answer to.

    `prompt_tokens` counts the positions that the LLM read, `audio_tokens` of which were vectors of clips.
    """

    text: str
    tokens: tuple[int, ...]
    finish_reason: FinishReason
    prompt_tokens: int
    audio_tokens: int
    clips: tuple[HeardClip, ...]


@dataclass(frozen=True)
class Piece:
    """Some text of one of the conversations; with its last piece comes the whole answer."""

    row: int
    text: str
    whole: Generation | None


class Spelling:
    """Turns the tokens of an answer into text as they come: a character of several tokens waits until it is whole."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self.tokens: list[int] = []
        self.text = ""

    def add(self, token: int, *, last: bool) -> str:
        """Return the text that a token makes sure; with the last one, all that is left."""
        self.tokens.append(token)
        text = str(self._tokenizer.decode(self.tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))
        if not last and text.endswith("\N{REPLACEMENT CHARACTER}"):
            return ""
        new, self.text = text[len(self.text) :], text
        return new
