"""Answers in OpenAI's form, whole or in chunks."""

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from components.core.inference.answers import Generation

END_OF_STREAM = "data: [DONE]\n\n"


@dataclass(frozen=True)
class Reply:
    """One answer on its way to a client."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, said: Generation) -> dict[str, Any]:
        """Return the answer at once."""
        message = {"role": "assistant", "content": said.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish_reason}
        return {**self._body("chat.completion", [choice]), "usage": _usage(said), "transcripts": _transcripts(said)}

    def beginning(self) -> str:
        """Return the chunk before the first words."""
        return self._chunk({"role": "assistant", "content": ""}, None)

    def piece(self, text: str) -> str:
        """Return a chunk of words."""
        return self._chunk({"content": text}, None)

    def end(self, said: Generation) -> str:
        """Return the chunk after the last words, with what was heard."""
        return self._chunk({}, said.finish_reason, transcripts=_transcripts(said))

    def usage(self, said: Generation) -> str:
        """Return the chunk that only counts."""
        return _event({**self._body("chat.completion.chunk", []), "usage": _usage(said)})

    def _chunk(self, delta: dict[str, str], finish_reason: str | None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _event({**self._body("chat.completion.chunk", [choice]), **more})

    def _body(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices}


def failed(body: dict[str, Any]) -> str:
    """Return the chunk of a failure after the stream began."""
    return _event(body)


def model_card(name: str) -> dict[str, Any]:
    """Return what the list of models says of one."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "desta"}


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def _usage(said: Generation) -> dict[str, Any]:
    return {
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": len(said.tokens),
        "total_tokens": said.prompt_tokens + len(said.tokens),
        "prompt_tokens_details": {"audio_tokens": said.audio_tokens, "cached_tokens": 0},
    }


def _transcripts(said: Generation) -> list[dict[str, Any]]:
    return [
        {"audio": c.recording, "start_s": c.start_s, "end_s": c.end_s, "text": c.transcript, "by": c.transcript_by}
        for c in said.clips
    ]
