"""A real server process, asked by OpenAI's own client."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest

from components.core.models.store import StoredModel
from components.serve_model.__main__ import main
from tests.builders import flac, make_tone
from tests.conftest import MODELS, REPOSITORY
from tests.core.inference.making import untrained_model

KEY = "open-sesame"
LIMITS = [
    *("--batch", "4", "--wait-ms", "200", "--queue", "4", "--max-audio-s", "3"),
    *("--max-body-mb", "0.5", "--max-tokens", "900"),
]
TONE = base64.b64encode(flac(make_tone())).decode()
TEXT: list[dict[str, Any]] = [{"role": "user", "content": "What is the capital of France?"}]


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen[str]
    address: str
    client: openai.OpenAI
    model: str

    def ask(self, messages: Any = TEXT, **asked: Any) -> Any:
        values = {"model": self.model, "temperature": 0, "max_tokens": 5, "messages": messages, **asked}
        return self.client.chat.completions.create(**values)

    def metric(self, name: str) -> float:
        page = httpx.get(f"{self.address}/metrics", headers={"Authorization": f"Bearer {KEY}"}).text
        found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
        return float(found[1]) if found else 0.0


@pytest.fixture(scope="module")
def served(encoder: StoredModel, llm: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = tmp_path_factory.mktemp("served")
    folder = untrained_model(place / "model", encoder, llm)
    command = [sys.executable, "-m", "components.serve_model", "--model", str(folder), "--port", "0", *LIMITS]
    state = {"DESTA_HOME": str(place), "DESTA_MODELS": str(MODELS), "DESTA_SERVE_KEY": KEY}
    with subprocess.Popen(
        command, env={**os.environ, **state}, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr
            lines = (re.search(r"serving (\S+) on (\S+)/v1", line) for line in process.stderr)
            model, address = next(line.groups() for line in lines if line)
            client = openai.OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0, timeout=120)
            yield Served(process, address, client, model)
        finally:
            process.kill()


def heard(data: str = TONE, question: str = "What is it?", **told: Any) -> list[dict[str, Any]]:
    audio = {"type": "input_audio", "input_audio": {"data": data, "format": "flac", **told}}
    return [{"role": "user", "content": [audio, {"type": "text", "text": question}]}]


def test_it_says_what_it_serves_and_that_it_is_well(served: Served) -> None:
    assert [model.id for model in served.client.models.list()] == [served.model]
    assert served.client.models.retrieve(served.model).owned_by == "desta"
    assert httpx.get(f"{served.address}/health").json() == {"status": "ok"}


def test_a_question_about_a_recording_is_answered_with_what_was_heard(served: Served) -> None:
    answer = served.ask(heard(text="Ding dong"))
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in {"stop", "length"}
    assert answer.usage.prompt_tokens_details.audio_tokens == 4
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.transcripts == [{"audio": 0, "start_s": 0.0, "end_s": 1.0, "text": "Ding dong", "by": "caller"}]


def test_a_conversation_goes_on_with_the_clients_own_messages(served: Served) -> None:
    first = served.ask(heard())
    following = served.ask([*heard(), first.choices[0].message, {"role": "user", "content": "And what else?"}])
    assert following.usage.prompt_tokens > first.usage.prompt_tokens
    assert following.usage.prompt_tokens_details.audio_tokens == 4


def test_a_stream_says_what_the_answer_says(served: Served) -> None:
    chunks = list(served.ask(heard(), stream=True, stream_options={"include_usage": True}))
    whole = served.ask(heard())
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == whole.choices[0].finish_reason
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


@pytest.mark.parametrize(
    ("asked", "status", "complaint"),
    [
        ({"model": "gpt-4o-audio-preview"}, 404, "model 'gpt-4o-audio-preview' is not served here"),
        ({"messages": []}, 400, "messages: want a list"),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, 400, "messages[0].role: want one of"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, 'want {"type": "text"'),
        ({"messages": heard("%%%")}, 400, "messages[0].content[0].input_audio.data: not base64"),
        ({"messages": heard("")}, 400, "messages[0].audios[0]: cannot be decoded"),
        ({"messages": heard(base64.b64encode(b"no audio").decode())}, 400, "messages[0].audios[0]: cannot be decoded"),
        ({"messages": heard(base64.b64encode(b"no audio").decode()), "stream": True}, 400, "cannot be decoded"),
        ({"messages": heard(format="midi")}, 400, "input_audio.format: 'midi': want one of wav, mp3"),
        ({"messages": heard(question="<|AUDIO|>?")}, 400, "messages[0]: 2 <|AUDIO|> in content for 1 audios"),
        (
            {"messages": heard(base64.b64encode(flac(make_tone(duration_s=3.5))).decode())},
            400,
            "messages[0].audios[0]: is longer than 3 s",
        ),
        (
            {"messages": heard() * 4},
            400,
            "messages[3].audios[0]: is longer than 0 s, what those before it leave of 3 s",
        ),
        ({"messages": heard("A" * 600_000)}, 413, "the request is larger than 0.5 MB"),
        ({"messages": [{"role": "user", "content": "word " * 9000}]}, 400, "but the window has 8192"),
        ({"max_tokens": 901}, 400, "max_tokens: 901 tokens, at most 900"),
        ({"max_completion_tokens": 0}, 400, "max_tokens 0: Input should be greater"),
        ({"temperature": "warm"}, 400, "temperature 'warm'"),
        ({"temperature": 1e-50}, 400, "temperature 1e-50: Input should be 0, for the likeliest words, or at least"),
        ({"temperature": 10**400}, 400, "temperature 1000"),
        ({"top_p": 1e-50}, 400, "top_p 1e-50: Input should be greater"),
        ({"seed": 10**30}, 400, f"seed {10**30}: Input should be less than {2**63}"),
        ({"n": 2}, 400, "n: n 2 is not supported"),
        ({"logit_bias": {"7": 1}}, 400, "logit_bias"),
    ],
)
def test_what_cannot_be_answered_has_a_status_and_a_reason(
    served: Served, asked: dict[str, Any], status: int, complaint: str
) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        served.ask(**asked)
    assert refused.value.status_code == status
    assert complaint in str(refused.value.body)
    assert isinstance(refused.value.body, dict)
    assert refused.value.body.keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"messages": ' + b"[" * 60_000, b"null"])
def test_a_body_that_is_no_question_is_refused(served: Served, body: bytes) -> None:
    answer = httpx.post(
        f"{served.address}/v1/chat/completions", content=body, headers={"Authorization": f"Bearer {KEY}"}
    )
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"messages": [{"role": "user", "content": "Hi \ud800"}]}, r"messages[0].content: '\ud800' at character 3 is"),
        ({"messages": heard(text="\udfff")}, r"messages[0].audios[0].text: '\udfff' at character 0 is no character"),
        ({"messages": TEXT, "odd \ud800": 1}, r"odd \ud800 1 is not supported"),
        ({"messages": [{"role": "user", "odd \ud800": 1}]}, r"messages[0].odd \ud800: unknown"),
    ],
)
def test_half_a_character_is_refused(served: Served, asked: dict[str, Any], complaint: str) -> None:
    body = json.dumps({"model": served.model, "max_tokens": 5, **asked})
    answer = httpx.post(
        f"{served.address}/v1/chat/completions", content=body, headers={"Authorization": f"Bearer {KEY}"}
    )
    assert answer.status_code == 400
    assert complaint in answer.json()["error"]["message"]


def test_without_the_key_only_health_is_told(served: Served) -> None:
    with pytest.raises(openai.AuthenticationError, match="missing or wrong"):
        openai.OpenAI(base_url=f"{served.address}/v1", api_key="guess").models.list()
    assert httpx.get(f"{served.address}/metrics").status_code == 401
    assert httpx.get(f"{served.address}/health").status_code == 200


def test_a_page_that_is_not_there_is_an_error_of_the_same_form(served: Served) -> None:
    answer = httpx.get(f"{served.address}/v1/embeddings")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_requests_that_come_together_are_answered_together_as_each_alone(served: Served) -> None:
    batches, rows = (served.metric(f"desta_batch_rows_{name}") for name in ("count", "sum"))
    questions = [heard(), TEXT, heard(question="How long?"), [{"role": "user", "content": "Name a colour."}]]
    with ThreadPoolExecutor(4) as together:
        said = [answer.choices[0].message.content for answer in together.map(served.ask, questions)]
    assert served.metric("desta_batch_rows_sum") == rows + 4
    assert served.metric("desta_batch_rows_count") < batches + 4
    assert said == [served.ask(question).choices[0].message.content for question in questions]


def test_a_full_queue_says_so_and_whoever_leaves_makes_room(served: Served) -> None:
    endless = [{"role": "user", "content": "Tell me a very long story."}]
    waits: list[str] = []

    def told(_: int) -> int:
        try:
            served.ask(endless, max_tokens=900, temperature=1.5, timeout=4)
        except openai.RateLimitError as refused:
            waits.append(refused.response.headers["Retry-After"])
            return 429
        except openai.APITimeoutError:
            return 0
        return 200

    with ThreadPoolExecutor(16) as crowd:
        statuses = list(crowd.map(told, range(16)))
    assert 429 in statuses
    assert set(waits) == {"1"}
    assert served.ask().choices[0].message.content
    assert served.metric("desta_queue_requests") == 0
    assert served.metric('desta_requests_total{status="429"}') == statuses.count(429)
    assert served.metric('desta_requests_total{status="499"}') == statuses.count(0)


def test_ctrl_c_ends_it(served: Served) -> None:
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(timeout=60) == 130
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.address}/health")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--host", "0.0.0.0"], "error: --host 0.0.0.0: lets others in: set DESTA_SERVE_KEY"),  # noqa: S104
        (["--port", "70000"], "error: --host 127.0.0.1 --port 70000: cannot listen there"),
        (["--batch", "0"], "error: serve_model.batch: Input should be greater than or equal to 1, got '0'"),
        (["--port", "0", "--model", "nowhere"], "error: model 'nowhere': no folder with config.json"),
    ],
)
def test_a_server_that_cannot_be_is_one_line(
    flags: list[str], complaint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DESTA_SERVE_KEY", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(flags)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(complaint)
