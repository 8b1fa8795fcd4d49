"""Questions about small clips, and artifacts of descriptions to ask about."""

from collections.abc import Sequence
from pathlib import Path

from components.core.contracts.artifacts import Artifact, Counts, Draft, Lineage, open_artifact
from components.core.contracts.records import Decoding, Description, Domain, GeneratorIdentity
from components.core.digests import digest_of_bytes
from components.self_generate.prompt_pool import Prompt, PromptCategory
from components.self_generate.questions import Question, sample_id_of
from tests.builders import make_description, make_generator

LINEAGE = Lineage(stage="extract_metadata", key="0" * 64, code="0" * 64, settings={}, inputs={}, models={}, sources={})
SOUNDS = ("a dog", "a rooster", "a bell", "a frog", "a horse", "rain", "a train", "a door")


def describe(number: int) -> Description:
    """The description of one of many different clips."""
    sound, seconds = SOUNDS[number % len(SOUNDS)], 1 + number // len(SOUNDS)
    return make_description(
        clip_id=digest_of_bytes(str(number).encode()),
        seed_description=f"[00:00-00:{seconds:02d}] (Sound: {sound}, Volume: loud)",
    )


def make_descriptions(folder: Path, descriptions: Sequence[Description]) -> Artifact:
    """An artifact as extract_metadata writes it."""
    folder.mkdir(parents=True)
    draft = Draft(folder)
    draft.write(descriptions, Description)
    draft.close(
        kind="descriptions",
        counts=Counts(rows_in=len(descriptions), rows_out=len(descriptions), refused={}),
        facts={},
        lineage=LINEAGE,
    )
    return open_artifact(folder)


def make_prompt(text: str = "What do you hear?") -> Prompt:
    """A prompt about sounds."""
    return Prompt(
        prompt_id="sound-descriptive-001", domain=Domain.SOUND, category=PromptCategory.DESCRIPTIVE, text=text
    )


def make_decoding(**changes: float) -> Decoding:
    """Decoding with short answers."""
    return Decoding(**{"temperature": 0.05, "top_p": 1.0, "max_tokens": 12, "seed": 7, **changes})  # type: ignore[arg-type]


def ask(
    description: Description,
    prompt: Prompt | None = None,
    generator: GeneratorIdentity | None = None,
    decoding: Decoding | None = None,
) -> Question:
    """A question with the id that a plan would give it."""
    asked = prompt or make_prompt()
    sample_id = sample_id_of(description, asked, generator or make_generator(), decoding or make_decoding())
    return Question(sample_id, description, asked)
