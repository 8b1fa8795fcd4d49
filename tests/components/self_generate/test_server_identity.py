import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from components.core.contracts.errors import SourceError
from components.core.models.store import StoredModel
from components.core.server import connected
from components.self_generate.probe import Probe
from components.self_generate.server_identity import Served, identify
from components.self_generate.settings import CALLER
from components.self_generate.vllm_generator import vllm_identity
from tests.components.self_generate import serving
from tests.components.self_generate.serving import FINGERPRINT, stand_for
from tests.desk import Desk


@pytest.fixture
def desk(llm: StoredModel, probed: Probe) -> Iterator[Desk]:
    """A server that is what it should be."""
    with serving.opened() as desk:
        stand_for(desk, llm, probed)
        yield desk


def ask_who(desk: Desk, llm: StoredModel, probed: Probe) -> Served:
    async def ask() -> Served:
        async with connected(desk.address, CALLER, timeout_s=10, retries=0) as server:
            return await identify(server, llm, 256, lambda: probed)

    return asyncio.run(ask())


def test_server_has_the_identity_of_the_engine_in_this_process(desk: Desk, llm: StoredModel, probed: Probe) -> None:
    found = ask_who(desk, llm, probed)
    assert found == Served(f"{llm.digest}-float32", FINGERPRINT, vllm_identity(llm))


def test_identity_has_the_version_and_the_precision_of_the_server(desk: Desk, llm: StoredModel, probed: Probe) -> None:
    stand_for(desk, llm, probed, dtype="bfloat16")
    desk.answers["/version"] = {"version": "0.99.1+cu130"}
    identity = ask_who(desk, llm, probed).identity
    assert (identity.engine, identity.engine_version, identity.dtype) == ("vllm", "0.99.1", "bfloat16")


def no_version(desk: Desk) -> None:
    del desk.answers["/version"]


def odd_version(desk: Desk) -> None:
    desk.answers["/version"] = ["0.32.0"]


def common_name(desk: Desk) -> None:
    desk.answers["/v1/models"]["data"][0]["id"] = "org/model"


def other_model(desk: Desk) -> None:
    desk.answers["/v1/models"]["data"][0]["id"] = f"{'0' * 64}-float32"


def small_window(desk: Desk) -> None:
    desk.answers["/v1/models"]["data"][0]["max_model_len"] = 255


def other_template(desk: Desk) -> None:
    desk.answers["/tokenize"]["tokens"].insert(0, 1)


def other_weights(desk: Desk) -> None:
    for at in desk.answers["/v1/completions"]["choices"][0]["prompt_logprobs"][1:]:
        for token in at.values():
            token["logprob"] -= 0.003


def no_likelihoods(desk: Desk) -> None:
    desk.answers["/v1/completions"]["choices"][0]["prompt_logprobs"] = [None]


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (no_version, "/version: 404 "),
        (odd_version, "/version: this is not what a vLLM server answers"),
        (common_name, "serves org/model, a name that does not say which model it is"),
        (other_model, f"serves {'0' * 64}-float32, and "),
        (small_window, "serves a window of 255 tokens, and window_tokens is 256"),
        (other_template, "reads a conversation with another tokenizer or chat template"),
        (other_weights, r"other weights or another dtype: 0\.003 nats"),
        (no_likelihoods, "does not say how likely it finds what it reads"),
    ],
)
def test_server_that_is_another_is_one_line_that_says_how_to_start_the_right_one(
    desk: Desk, llm: StoredModel, probed: Probe, wrong: Callable[[Desk], None], line: str
) -> None:
    wrong(desk)
    command = re.escape(f"python -m components.self_generate.serve --llm {llm.ref} --window-tokens 256")
    with pytest.raises(SourceError, match=f"^{desk.address}.*{line}.*{command}$"):
        ask_who(desk, llm, probed)


def test_precision_that_is_not_what_the_name_says_is_found(desk: Desk, llm: StoredModel, probed: Probe) -> None:
    """0.035 nats a token is what bfloat16 makes of the embedded model."""
    coarse = replace(probed, logprobs=tuple(logprob + 0.035 for logprob in probed.logprobs))
    stand_for(desk, llm, coarse, dtype="bfloat16")
    assert ask_who(desk, llm, probed)
    stand_for(desk, llm, coarse, dtype="float32")
    with pytest.raises(SourceError, match="another dtype"):
        ask_who(desk, llm, probed)
