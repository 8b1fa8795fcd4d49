"""A trained model that people can talk to: `DestaModel.from_pretrained(…).generate(messages)`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from transformers.utils import logging

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Decoding
from components.core.cutting import LONGEST_S
from components.core.drawing import decoding_of
from components.core.home import Home, current_home
from components.core.inference.answers import Generation, Piece, Spelling
from components.core.inference.choosing import chosen_model, frozen_models
from components.core.inference.conversation import Conversation, conversations_of, read_conversation
from components.core.inference.hearing import By, Clip, Ears, HeardClip, clips_of, shared_out
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.decoding import stops_of
from components.core.models.loading import best_device, load_llm, load_tokenizer
from components.core.models.model_artifact import ModelConfig, load_trained, read_config, weights_digest
from components.core.models.splice import Spliced, Splicer
from components.core.models.store import StoredModel

Messages = Sequence[Mapping[str, Any]]
"""One conversation: see `read_conversation`."""


@dataclass(frozen=True)
class Prompt:
    """A conversation as the LLM will read it; `sounds` has the samples of its `clips`."""

    row: Spliced
    clips: tuple[HeardClip, ...]
    sounds: tuple[Clip, ...]


class DestaModel:
    """What was trained, with both frozen models that it was trained between."""

    def __init__(
        self, name: str, model: AudioLanguageModel, config: ModelConfig, encoder: StoredModel, llm: StoredModel
    ) -> None:
        """Put the parts together; `from_pretrained` finds and loads them."""
        self.name, self.config = name, config
        self._model, self._queries = model.eval(), config.adapter.queries
        self._tokenizer = load_tokenizer(llm.folder)
        self._splicer = Splicer(self._tokenizer, config.max_transcript_tokens)
        self._ears = Ears(encoder, model.adapter, str(model.llm.device))
        self._stops = stops_of(self._tokenizer, model.llm)
        self.window: int = model.llm.config.max_position_embeddings
        """How many positions the LLM has, answer included."""

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path | None = None,
        *,
        home: Home | None = None,
        models: Path | None = None,
        device: str | None = None,
    ) -> "DestaModel":
        """Load a folder, the model of a run, a registered version, or the newest; see `chosen_model`.

        The frozen parts come from the verified store, by the digests that the adapter names; `models` is the store
        where it is not that of `home`. `device` is `cpu` or `cuda`, without it the best there is.

        Raises:
            ConfigurationError: no such model, or a frozen part is not in the store.
            ContractError: a file is damaged or does not fit.
        """
        logging.disable_progress_bar()  # one for each part, on the terminal that a conversation is on
        home = home or current_home()
        folder = chosen_model(model, home)
        config, store = read_config(folder), models or home.models
        encoder, llm = frozen_models(folder, config, store)
        place, dtype = best_device(device)
        name, backbone = f"desta-{weights_digest(folder)[:12]}", load_llm(llm.folder, dtype).to(place)
        return cls(name, load_trained(folder, config, backbone), config, encoder, llm)

    def generate(
        self,
        messages: Messages | Sequence[Messages],
        *,
        max_new_tokens: int = 512,
        temperature: float = 0.7,
        top_p: float = 0.9,
        do_sample: bool = True,
        seed: int = 0,
        batch: int = 8,
    ) -> list[Generation]:
        """Answer one conversation, or many at once in batches of `batch`; a list with an answer for each.

        Every conversation draws from `seed` by itself: it is answered the same alone and beside others.

        Raises:
            DestaError: a conversation, a recording or a number cannot be used, or does not fit into the window.
        """
        if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
            raise ConfigurationError(f"batch {batch!r:.60}: want a number of conversations, 1 at least")
        given = conversations_of(messages)
        decoding = decoding_of(max_new_tokens, temperature if do_sample else 0.0, top_p, seed)
        prompts = [self.prepare(conversation, max_new_tokens) for conversation in given]
        by_length = sorted(range(len(prompts)), key=lambda number: self._positions(prompts[number].row))
        found: dict[int, Generation] = {}
        for start in range(0, len(prompts), batch):
            rows = by_length[start : start + batch]
            for piece in self.write([prompts[number] for number in rows], [decoding] * len(rows)):
                if piece.whole:
                    found[rows[piece.row]] = piece.whole
        return [found[number] for number in range(len(prompts))]

    def stream(
        self,
        messages: Messages,
        *,
        max_new_tokens: int = 512,
        temperature: float = 0.7,
        top_p: float = 0.9,
        do_sample: bool = True,
        seed: int = 0,
    ) -> Iterator[str]:
        """Yield the text of the answer to one conversation as it comes; together it is what `generate` returns.

        Nothing runs while nobody asks for the next piece, and nothing is left running when nobody asks any more.

        Raises:
            DestaError: as `generate`, before the first piece.
        """
        decoding = decoding_of(max_new_tokens, temperature if do_sample else 0.0, top_p, seed)
        prompt = self.prepare(messages, max_new_tokens)
        return (piece.text for piece in self.write([prompt], [decoding]) if piece.text)

    def prepare(self, messages: Messages, max_new_tokens: int, longest_s: float | None = None) -> Prompt:
        """Hear the recordings of a conversation, and make sure that it fits into the window with its answer.

        `longest_s` limits the recordings together; without it, as much is read of them as could fit. What does not
        fit whatever is said in it is refused before anything is heard.

        Raises:
            DestaError: see `generate`.
        """
        conversation = read_conversation(messages)
        sounds = self._sounds(conversation, longest_s or LONGEST_S * (1 + self.window // self._queries))
        unheard = [[None] * len(clips) for clips in sounds]
        self._check_fits(self._row(conversation, unheard), max_new_tokens, "at least ")
        words = self._words(conversation, sounds)
        row = self._row(conversation, words)
        self._check_fits(row, max_new_tokens)
        return Prompt(row, tuple(self._heard(conversation, sounds, words)), tuple(chain.from_iterable(sounds)))

    def write(
        self,
        prompts: Sequence[Prompt],
        decodings: Sequence[Decoding],
        wanted: Callable[[int], bool] = lambda _: True,
    ) -> Iterator[Piece]:
        """Answer prompts together, yielding their text as it comes; those no longer `wanted` are left."""
        audio = self._ears.vectors([clip for prompt in prompts for clip in prompt.sounds])
        spelled = [Spelling(self._tokenizer) for _ in prompts]
        rows = [prompt.row for prompt in prompts]
        for step in self._model.write(audio, rows, decodings, self._stops, wanted):
            for row, token in step:
                stopped = token in self._stops
                ended = stopped or len(spelled[row].tokens) + 1 == decodings[row].max_tokens
                text = spelled[row].add(token, last=ended)
                yield Piece(row, text, self._whole(prompts[row], spelled[row], stopped=stopped) if ended else None)

    def _whole(self, prompt: Prompt, spelled: Spelling, *, stopped: bool) -> Generation:
        return Generation(
            text=spelled.text,
            tokens=tuple(spelled.tokens),
            finish_reason="stop" if stopped else "length",
            prompt_tokens=self._positions(prompt.row),
            audio_tokens=prompt.row.clips * self._queries,
            clips=prompt.clips,
        )

    def _sounds(self, conversation: Conversation, longest_s: float) -> list[list[Clip]]:
        """Return the clips of each recording; the first that is too long after those before it is not read on."""
        sounds: list[list[Clip]] = []
        for recording in conversation.recordings:
            before_s = sum(clip.duration_s for clip in chain.from_iterable(sounds))
            sounds.append(clips_of(recording, longest_s, before_s))
        return sounds

    def _row(self, conversation: Conversation, words: Sequence[Sequence[str | None]]) -> Spliced:
        try:
            spans = conversation.with_spans([len(said) for said in words])
            return self._splicer.splice(spans, list(chain.from_iterable(words)), "")
        except TemplateError as error:
            raise ConfigurationError(f"messages: the LLM's chat template refuses them: {error}") from error

    def _words(self, conversation: Conversation, sounds: Sequence[Sequence[Clip]]) -> list[list[str]]:
        """Return the transcripts of each recording's clips: the caller's, else what Whisper hears."""
        pairs = list(zip(conversation.recordings, sounds, strict=True))
        unknown = [clip for recording, clips in pairs if recording.text is None for clip in clips]
        heard = iter(self._ears.words(unknown))
        return [
            [next(heard) for _ in clips] if recording.text is None else shared_out(recording.text, clips)
            for recording, clips in pairs
        ]

    def _heard(
        self, conversation: Conversation, sounds: Sequence[Sequence[Clip]], words: Sequence[Sequence[str]]
    ) -> Iterator[HeardClip]:
        for number, recording in enumerate(conversation.recordings):
            ends_s = accumulate((clip.duration_s for clip in sounds[number]), initial=0.0)
            for said, (start_s, end_s) in zip(words[number], pairwise(ends_s), strict=True):
                by: By = "caller" if recording.text is not None else "whisper" if said else "nobody"
                yield HeardClip(number, start_s, end_s, self._splicer.as_read(said), by)

    def _check_fits(self, row: Spliced, max_new_tokens: int, least: str = "") -> None:
        read = self._positions(row)
        if read + max_new_tokens > self.window:
            raise ConfigurationError(
                f"messages: take {least}{read} positions ({row.clips * self._queries} of them for {row.clips} clips of "
                f"at most {LONGEST_S:g} s), and the answer may take {max_new_tokens}, but the window has {self.window}"
                "; shorten the conversation, its recordings or max_new_tokens"
            )

    def _positions(self, row: Spliced) -> int:
        return row.length(self._queries) - len(row.target)
