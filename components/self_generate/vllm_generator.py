"""The backbone behind vLLM, in this process: on a CUDA device in bfloat16, on the CPU in float32."""

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Decoding, GeneratorIdentity
from components.core.digests import seed_of
from components.core.models.store import StoredModel, identity_of
from components.self_generate.generation import Asked, Reply, answered, tokens_of, unanswered

if TYPE_CHECKING:
    from vllm import LLM
    from vllm.outputs import RequestOutput

_PREFILL_TOKENS = 2048
_SHARED_TOKENS = 32  # what is shared is shared in whole blocks; the CPU kernel wants multiples of 32


def vllm_identity(model: StoredModel) -> GeneratorIdentity:
    """Return who will answer, without starting the engine."""
    engine = version(packages_distributions()["vllm"][0])
    return identity_of(model, "vllm", engine, "bfloat16" if torch.cuda.is_available() else "float32")


@cache
def vllm_machine(tensor_parallel: int = 1) -> str:
    """Name what computes here: another processor, or another number of threads or GPUs, adds up in another order.

    Once in a process: the engine binds threads to processors, and what is asked of torch afterwards is another number.
    """
    if torch.cuda.is_available():
        return torch.cuda.get_device_name() + f", {tensor_parallel} of them" * (tensor_parallel > 1)
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{next(names, platform.machine())}, {torch.get_num_threads()} threads"


@dataclass(frozen=True, kw_only=True)
class VllmGenerator:
    """Answers with temperature sampling whose randomness belongs to the question; the engine starts with the first."""

    model: StoredModel
    dtype: str
    decoding: Decoding
    at_once: int
    window_tokens: int
    tensor_parallel: int = 1

    def generate(self, questions: Sequence[Asked]) -> Iterator[Reply]:
        """Answer a batch; a question that leaves no room for the answer in the window gets the empty `does_not_fit`.

        Raises:
            ConfigurationError: the engine cannot start with this model and window.
        """
        tokenizer = self._engine.get_tokenizer()
        read = {question.sample_id: tokens_of(question.conversation, tokenizer) for question in questions}
        room = self.window_tokens - self.decoding.max_tokens
        # What was asked before this batch must not decide how it is computed.
        self._engine.reset_prefix_cache()
        asked = [question.sample_id for question in questions if len(read[question.sample_id]) <= room]
        yield from (unanswered(name, len(tokens)) for name, tokens in read.items() if len(tokens) > room)
        engine = self._engine.llm_engine
        for sample_id in asked:
            engine.add_request(sample_id, {"prompt_token_ids": read[sample_id]}, self._sampling(sample_id))
        while engine.has_unfinished_requests():
            yield from map(_reply, engine.step())

    def _sampling(self, sample_id: str) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        return SamplingParams(
            output_kind=RequestOutputKind.FINAL_ONLY,
            temperature=self.decoding.temperature,
            top_p=self.decoding.top_p,
            max_tokens=self.decoding.max_tokens,
            seed=seed_of(self.decoding.seed, sample_id),
            logprobs=0,
        )

    @property
    def _engine(self) -> "LLM":
        return _engine(self.model, self.dtype, self.at_once, self.window_tokens, self.tensor_parallel)


@cache
def _engine(model: StoredModel, dtype: str, at_once: int, window_tokens: int, tensor_parallel: int = 1) -> "LLM":
    """Start the engine; once in a process, since it sets the process up for itself."""
    # Its own engine process takes far longer to start, schedules by the clock, and would outlive a killed stage.
    in_process = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "ERROR"}
    for name, value in {**in_process, **engine_environment()}.items():
        os.environ.setdefault(name, value)
    from vllm import LLM

    options = engine_options(dtype, at_once, window_tokens, tensor_parallel)
    try:
        return LLM(model=str(model.folder), **options, use_tqdm_on_load=False)
    except (OSError, RuntimeError, ValueError) as error:
        line = " ".join(str(error).split())
        raise ConfigurationError(f"self_generate: vLLM cannot start {model.ref}: {line[:300]}") from error


def engine_environment() -> dict[str, str]:
    """Return the variables that vLLM needs on this machine, in this process or as a server."""
    environment = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if not torch.cuda.is_available():
        # vLLM's eager form still compiles small functions, which on a CPU calls the C++ compiler for minutes.
        environment["TORCHDYNAMO_DISABLE"] = "1"
        # A server's engine then computes in its own process, and not in a third one that reads all libraries again.
        environment["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    return environment


def engine_options(dtype: str, at_once: int, window_tokens: int, tensor_parallel: int) -> dict[str, Any]:
    """Return how vLLM is set up for so many questions at a time, by the names that its flags have too."""
    return {
        "dtype": dtype,
        "tensor_parallel_size": tensor_parallel,
        "max_model_len": window_tokens,
        "max_num_seqs": at_once,
        "max_num_batched_tokens": max(window_tokens, _PREFILL_TOKENS),
        # A prompt that is split over two steps makes vLLM wind the request's random generator back by an offset,
        # which a CPU generator does not have: a seeded request would crash the engine.
        "enable_chunked_prefill": False,
        # Questions of a batch share their first words, many the whole description: those are read once.
        "enable_prefix_caching": True,
        "block_size": _SHARED_TOKENS,
        "enforce_eager": not torch.cuda.is_available(),
    }


def _reply(output: "RequestOutput") -> Reply:
    answer, read = output.outputs[0], len(output.prompt_token_ids or ())
    tokens, logprob = len(answer.token_ids), answer.cumulative_logprob
    return answered(output.request_id, answer.text, str(answer.finish_reason), read, tokens, logprob)
