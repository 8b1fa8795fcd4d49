"""Who answers: vLLM in this process, or servers that have the same model."""

from dataclasses import dataclass

from components.core.contracts.records import GeneratorIdentity
from components.core.models.store import StoredModel
from components.self_generate.generation import Generator
from components.self_generate.server_generator import ServerGenerator, find_servers
from components.self_generate.settings import SelfGenerateSettings
from components.self_generate.stage import decoding_of
from components.self_generate.tensor_parallel import check_parallel
from components.self_generate.vllm_generator import VllmGenerator, vllm_identity, vllm_machine


@dataclass(frozen=True, kw_only=True)
class Answerer:
    """Who answers, and where; it starts with the first question."""

    identity: GeneratorIdentity
    machine: str
    generator: Generator


def answerer_of(llm: StoredModel, settings: SelfGenerateSettings) -> Answerer:
    """Return who answers when the stage runs with these settings; servers and GPUs are checked here.

    Raises:
        SourceError: no server can be reached, one is not a vLLM that serves this model, or two differ.
        ConfigurationError: the model cannot be spread over so many GPUs, or they are not there.
    """
    decoding = decoding_of(settings)
    if settings.server:
        servers = find_servers(llm, settings)
        # They are all alike: what is said of one holds for each.
        served = next(server.served for server in servers if server.served)
        asking = ServerGenerator(model=llm, servers=servers, settings=settings, decoding=decoding)
        return Answerer(identity=served.identity, machine=f"server {served.fingerprint}", generator=asking)
    check_parallel(llm, settings.tensor_parallel)
    identity = vllm_identity(llm)
    generator = VllmGenerator(
        model=llm,
        dtype=identity.dtype,
        decoding=decoding,
        at_once=settings.at_once,
        window_tokens=settings.window_tokens,
        tensor_parallel=settings.tensor_parallel,
    )
    return Answerer(identity=identity, machine=vllm_machine(settings.tensor_parallel), generator=generator)
