"""Who answers: vLLM in this process, or a server that has the same model."""

from dataclasses import dataclass

from components.core.contracts.records import GeneratorIdentity
from components.core.models.store import StoredModel
from components.self_generate.generation import Generator
from components.self_generate.server_generator import ServerGenerator, find_server
from components.self_generate.settings import SelfGenerateSettings
from components.self_generate.stage import decoding_of
from components.self_generate.vllm_generator import VllmGenerator, vllm_identity, vllm_machine


@dataclass(frozen=True, kw_only=True)
class Answerer:
    """Who answers, and where; it starts with the first question."""

    identity: GeneratorIdentity
    machine: str
    generator: Generator


def answerer_of(llm: StoredModel, settings: SelfGenerateSettings) -> Answerer:
    """Return who answers when the stage runs with these settings; a server is checked here.

    Raises:
        SourceError: the server cannot be reached, or is not a vLLM that serves this model.
    """
    decoding = decoding_of(settings)
    if settings.server:
        served = find_server(llm, settings)
        asking = ServerGenerator(model=llm, served=served, settings=settings, decoding=decoding)
        return Answerer(identity=served.identity, machine=f"server {served.fingerprint}", generator=asking)
    identity = vllm_identity(llm)
    generator = VllmGenerator(
        model=llm,
        dtype=identity.dtype,
        decoding=decoding,
        at_once=settings.at_once,
        window_tokens=settings.window_tokens,
    )
    return Answerer(identity=identity, machine=vllm_machine(), generator=generator)
