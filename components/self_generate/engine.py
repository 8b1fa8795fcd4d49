"""Who answers: vLLM in this process."""

from components.core.contracts.records import GeneratorIdentity
from components.core.models.store import StoredModel
from components.self_generate.generation import Generator
from components.self_generate.settings import SelfGenerateSettings
from components.self_generate.stage import decoding_of
from components.self_generate.vllm_generator import VllmGenerator, vllm_identity


def engine_of(llm: StoredModel, settings: SelfGenerateSettings) -> tuple[GeneratorIdentity, Generator]:
    """Return what the settings name, and what it is; it starts with the first question."""
    identity = vllm_identity(llm)
    generator = VllmGenerator(
        model=llm,
        dtype=identity.dtype,
        decoding=decoding_of(settings),
        batch=settings.batch,
        window_tokens=settings.window_tokens,
    )
    return identity, generator
