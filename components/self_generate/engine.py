"""Who answers: vLLM in this process, or a server."""

from components.core.contracts.records import GeneratorIdentity
from components.core.models.store import StoredModel
from components.self_generate.generation import Generator
from components.self_generate.server_generator import ServerGenerator, find_server
from components.self_generate.settings import SelfGenerateSettings
from components.self_generate.stage import decoding_of
from components.self_generate.vllm_generator import VllmGenerator, vllm_identity, vllm_machine


def engine_of(llm: StoredModel, settings: SelfGenerateSettings) -> tuple[GeneratorIdentity, Generator]:
    """Return what the settings name, and what it is; a server is checked, vLLM here starts with the first question.

    Raises:
        SourceError: the server cannot be reached, or is not a vLLM that serves this model.
    """
    decoding = decoding_of(settings)
    if settings.server:
        served = find_server(llm, settings)
        return served.identity, ServerGenerator(model=llm, served=served, settings=settings, decoding=decoding)
    identity = vllm_identity(llm)
    generator = VllmGenerator(
        model=llm,
        dtype=identity.dtype,
        decoding=decoding,
        batch=settings.batch,
        window_tokens=settings.window_tokens,
    )
    return identity, generator


def machine_of(generator: Generator) -> str:
    """Name what computes: this machine, or a server by its configuration, since it does not say on what it runs."""
    return f"server {generator.served.fingerprint}" if isinstance(generator, ServerGenerator) else vllm_machine()
