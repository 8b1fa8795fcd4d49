"""A server that answers as vLLM does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from components.core.models.store import StoredModel
from components.self_generate.probe import Probe
from components.self_generate.server_identity import served_name
from tests import desk as desks
from tests.desk import Desk, Handler

FINGERPRINT = "vllm-0.32.0-0a1b2c3d"


@contextmanager
def opened() -> Iterator[Desk]:
    """Let a server run."""
    with desks.opened("/v1/completions", completion) as desk:
        desk.answers["/version"] = {"version": "0.32.0"}
        yield desk


def completion(question: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What vLLM answers, in two tokens and an end mark; the words are the seed."""
    choice = {
        "text": f"seed {question['seed']}",
        "finish_reason": "stop",
        "logprobs": {"token_logprobs": [-1.0, -0.5, -0.25]},
    }
    return {"choices": [{**choice, **changes}], "system_fingerprint": FINGERPRINT}


def without_likelihoods(handler: Handler) -> None:
    handler.tell(200, completion({"seed": 0}, logprobs=None))


def stand_for(desk: Desk, model: StoredModel, probe: Probe, dtype: str = "float32") -> None:
    """Let the server say that it serves a stored model, and read the probe as that does."""
    likely: list[Any] = [{str(token): {"logprob": logprob}} for token, logprob in _pairs(probe)]
    desk.answers["/v1/models"] = {"data": [{"id": served_name(model, dtype), "max_model_len": 1024}]}
    desk.answers["/tokenize"] = {"tokens": list(probe.tokens)}
    desk.answers["/v1/completions"] = {
        "choices": [{"prompt_logprobs": [None, *likely]}],
        "system_fingerprint": FINGERPRINT,
    }


def _pairs(probe: Probe) -> Iterator[tuple[int, float]]:
    return zip(probe.tokens[1:], probe.logprobs, strict=True)
