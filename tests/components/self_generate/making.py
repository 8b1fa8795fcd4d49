"""Questions about small clips, and artifacts of descriptions to ask about."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.core.contracts.artifacts import Artifact, Counts, Draft, Lineage, open_artifact
from components.core.contracts.records import Decoding, Description, Domain, GeneratorIdentity
from components.core.digests import digest_of_bytes
from components.core.execution import Job, Outcome, Workplace, execute
from components.core.home import Home
from components.core.stages import stage_named
from components.self_generate.generation import Asked, Generator, Reply
from components.self_generate.generations import generations_of, in_use
from components.self_generate.prompt_pool import Prompt, PromptCategory, PromptPool
from components.self_generate.questions import Planned, plan_question
from components.self_generate.settings import SelfGenerateSettings, ShardSettings
from components.self_generate.shards import SHARD
from components.self_generate.stage import plan_of, self_generate
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
) -> Planned:
    """A question with the id that a plan would give it."""
    return plan_question(
        description, prompt or make_prompt(), generator or make_generator(), decoding or make_decoding()
    )


SETTINGS = SelfGenerateSettings(prompts_per_clip=2, batch=4)


@dataclass
class Teller:
    """A generator that takes no time, answers by the question's id, and remembers what it was asked."""

    batches: list[list[str]] = field(default_factory=list)
    words: str = "an answer to"

    @property
    def asked(self) -> list[str]:
        """The ids of all questions in their order."""
        return [sample_id for batch in self.batches for sample_id in batch]

    def generate(self, questions: Sequence[Asked]) -> list[Reply]:
        self.batches.append([question.sample_id for question in questions])
        return [
            Reply(
                sample_id=question.sample_id,
                response=f"{self.words} {question.sample_id[:12]}",
                finish_reason="stop",
                prompt_tokens=30,
                response_tokens=9,
                nll_per_token=0.5,
            )
            for question in questions
        ]


def make_samples(
    descriptions: Artifact,
    generator: Generator,
    home: Home,
    *,
    settings: SelfGenerateSettings = SETTINGS,
    pools: Mapping[Domain, PromptPool] | None = None,
    identity: GeneratorIdentity | None = None,
) -> Artifact:
    """Run the stage, or a shard of it, with another generator than vLLM; prompt pools and identity may be given."""
    stage = stage_named("self_generate")
    job = Job(
        stage=replace(stage, output=SHARD) if isinstance(settings, ShardSettings) else stage,
        settings=settings,
        inputs={"descriptions": descriptions},
        models={"llm": "a" * 64},
        sources={domain.value: pool.digest for domain, pool in (pools or {}).items()},
    )
    root, who = home.root / "generations", identity or make_generator()

    def work(place: Workplace) -> Outcome:
        plan = plan_of(descriptions, settings, who)
        with in_use(root):
            replies = generations_of(root, who, "a machine")
            return self_generate(replace(plan, pools=pools or plan.pools), generator, replies, place)

    return execute(job, home.root / "out" / secrets.token_hex(4), home, work)
