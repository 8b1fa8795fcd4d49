"""The records that travel between stages: frozen, strict, closed, with units in their names."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

CONTRACT_VERSION = "1"
SAMPLE_RATE_HZ = 16_000
AUDIO_LOCATOR = "<|AUDIO|>"
AUDIO_SPAN = f"<start_audio>{AUDIO_LOCATOR}<end_audio>"

MODEL_PARTS = ("weights", "tokenizer", "chat_template")
"""What makes two language models the same one, by the names in `GeneratorIdentity`."""


def _warm_enough(temperature: float) -> float:
    if 0 < temperature < 0.001:
        raise PydanticCustomError("too_cold", "Input should be 0, for the likeliest words, or at least 0.001")
    return temperature


Temperature = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(_warm_enough)]
"""What logits of float32 can be divided by; 0 takes the likeliest token."""
TopP = Annotated[float, Field(ge=1e-6, le=1)]
"""A share that float32 can tell from none."""
Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""What torch, vLLM and Parquet can hold."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Record(BaseModel):
    """The base of every record: a wrong type or an unknown field stops at the boundary."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Domain(StrEnum):
    """What a clip is made of; each domain has its own prompts."""

    SPEECH = "speech"
    SOUND = "sound"
    MUSIC = "music"


class Split(StrEnum):
    """Which part of the work a clip serves; the parts never share a clip, a recording or a speaker."""

    TRAIN = "train"
    VALIDATION = "validation"
    EVALUATION = "evaluation"


class ClipRefusal(StrEnum):
    """Why a file did not become a clip."""

    UNREADABLE = "unreadable"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    SILENT = "silent"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    SPLIT_CONFLICT = "split_conflict"
    ERASED = "erased"


class SampleRefusal(StrEnum):
    """Why a generated answer is not fit to train on."""

    EMPTY = "empty"
    CUT_OFF = "cut_off"
    REPETITION = "repetition"
    LEAKS_TEXT = "leaks_text"
    REFUSES_TO_ANSWER = "refuses_to_answer"
    ECHOES_DESCRIPTION = "echoes_description"
    TOO_LONG = "too_long"
    SPECIAL_TOKEN = "special_token"
    MISALIGNED = "misaligned"
    DUPLICATE = "duplicate"
    CONTAMINATED = "contaminated"
    OTHER_LANGUAGE = "other_language"
    CONTRADICTS_DESCRIPTION = "contradicts_description"


class Source(Record):
    """Where a clip comes from: the corpus, the file in it, and the place in the file."""

    corpus: str = Field(min_length=1)
    path: str = Field(min_length=1)
    sha256: Sha256
    source_id: str = Field(min_length=1)
    offset_s: float = Field(ge=0)
    length_s: float | None = None
    """How much of the file from there on was asked for; `None`: all of it."""


class Audio(Record):
    """An audio file inside a Parquet row, in the shape that `datasets` plays."""

    bytes: bytes
    path: str


class Segment(Record):
    """A part of a clip in which one speaker says one thing; seconds count from the beginning of the clip."""

    start_s: float = Field(ge=0)
    end_s: float = Field(gt=0)
    transcript: str | None
    speaker_id: str | None
    attributes: dict[str, str]


class Clip(Record):
    """A mono 16 kHz recording with what its corpus says of it; `clip_id` is the digest of its samples."""

    clip_id: Sha256
    source: Source
    domain: Domain
    split: Split
    duration_s: float = Field(gt=0)
    licence: str = Field(min_length=1)
    speaker_id: str | None
    language: str | None
    transcript: str | None
    attributes: dict[str, str]
    describable: tuple[str, ...]
    """Names of the attributes that the corpus policy lets into a description."""
    segments: tuple[Segment, ...]
    """What the corpus says of parts of the clip, by their beginning; empty where it speaks of the clip as a whole."""
    fingerprint: str | None
    """How it sounds (`components.core.fingerprints`), to find near duplicates; `None` where it is too even to tell."""
    audio: Audio


class Measurements(Record):
    """What was measured on the samples themselves; `None` where a quantity does not exist for this clip.

    Units: seconds, words a minute, hertz, LUFS, decibels, fraction of time. `tools` names what measured each one.
    """

    duration_s: float = Field(gt=0)
    speaking_rate_wpm: float | None
    pitch_hz: float | None
    loudness_lufs: float | None
    snr_db: float | None
    speech_ratio: float = Field(ge=0, le=1)
    tools: dict[str, str]


class Told(Record):
    """What is said of a clip or of a part of it, and who says so."""

    attributes: dict[str, str]
    told_by: dict[str, str]
    """For each attribute `corpus`, the tool that measured it with its version, or `asr:` and the digest of a model."""

    @model_validator(mode="after")
    def _each_has_a_teller(self) -> Self:
        if odd := self.attributes.keys() ^ self.told_by.keys():
            raise ValueError(f"attribute {min(odd)!r}: want a value and who tells it")
        return self


class DescribedSegment(Told):
    """A part of a clip in words; its voice is measured where it is long enough.

    Units: seconds from the beginning of the clip, hertz, words a minute.
    """

    start_s: float = Field(ge=0)
    end_s: float = Field(gt=0)
    transcript: str | None
    transcript_by: str | None
    pitch_hz: float | None
    speaking_rate_wpm: float | None


class Description(Told):
    """A clip in words: all that the generator is told of it."""

    clip_id: Sha256
    domain: Domain
    split: Split
    language: str | None
    transcript: str | None
    transcript_by: str | None
    """`corpus`, or `asr:` and the digest of the model that heard it; `None` where nobody speaks.

    Both, with a comma, where each wrote some of the segments.
    """
    measurements: Measurements
    segments: tuple[DescribedSegment, ...]
    """The parts that have lines of their own; `attributes` are then those of the clip as a whole."""
    seed_description: str = Field(min_length=1)


class GeneratorIdentity(Record):
    """Who wrote an answer: training accepts only answers of its own backbone."""

    weights: Sha256
    tokenizer: Sha256
    chat_template: Sha256
    engine: str = Field(min_length=1)
    engine_version: str = Field(min_length=1)
    dtype: str = Field(min_length=1)

    def same_model(self, other: "GeneratorIdentity") -> bool:
        """Tell whether both have the same weights, tokenizer and chat template, whatever engine ran them."""
        return not self.differs_in(other)

    def differs_in(self, other: "GeneratorIdentity") -> tuple[str, ...]:
        """Return which of weights, tokenizer and chat template are not the same."""
        return tuple(part for part in MODEL_PARTS if getattr(self, part) != getattr(other, part))


class Decoding(Record):
    """How the generator drew its words."""

    temperature: Temperature
    top_p: TopP
    max_tokens: int = Field(ge=1)
    seed: Seed


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sample(Record):
    """A question about a clip and the answer that the generator gave to its description.

    `messages` is the conversation as the trained model will see it, with the clip in place of the description.
    `nll_per_token` is the mean negative log-likelihood (nats) of the answer under its own generator.
    """

    sample_id: Sha256
    clip_id: Sha256
    domain: Domain
    split: Split
    prompt_id: str = Field(min_length=1)
    prompt: str = Field(min_length=1)
    seed_description: str = Field(min_length=1)
    transcript: str | None
    messages: tuple[Message, ...] = Field(min_length=1)
    response: str
    response_tokens: int = Field(ge=0)
    finish_reason: str
    nll_per_token: float | None
    generator: GeneratorIdentity
    decoding: Decoding


class RefusedClip(Record):
    """A file that did not become a clip, kept with its reason."""

    source: Source
    reason: ClipRefusal
    detail: str


class RefusedSample(Record):
    """A generated sample that is not trained on, kept with its reason."""

    sample: Sample
    reason: SampleRefusal
    detail: str


class Answer(Record):
    """One held-out question: how well each condition predicts the generator's answer, and what it says itself.

    Negative log-likelihoods are sums over the target's tokens, in nats. Conditions: the untrained adapter, the
    trained adapter, and the trained adapter hearing another held-out clip. Responses are greedy; `None` where none
    was asked for.
    """

    sample_id: Sha256
    clip_id: Sha256
    domain: Domain
    prompt: str
    target: str
    target_tokens: int = Field(ge=1)
    wrong_clip_id: Sha256
    wrong_domain: Domain
    nll_untrained: float
    nll_trained: float
    nll_wrong_clip: float
    response_untrained: str | None
    response_trained: str | None
    response_wrong_clip: str | None
