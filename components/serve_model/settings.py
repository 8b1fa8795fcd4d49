"""What can be set when people talk to a trained model, and the two command lines, which `desta` has as well."""

import argparse
from pathlib import Path

from pydantic import Field

from components.core.contracts.records import Seed, Temperature, TopP
from components.core.settings import Settings, add_flags


class ChatSettings(Settings):
    """How an answer is drawn on the terminal."""

    max_tokens: int = Field(128, ge=1, description="longest answer, in tokens of the LLM")
    temperature: Temperature = Field(0.0, description="0 writes the likeliest words; upstream's default is 0.7")
    top_p: TopP = Field(0.9, description="draw from the likeliest tokens that together have this share")
    seed: Seed = Field(0, description="seed of the draw")


class ServeModelSettings(Settings):
    """What the server takes on."""

    batch: int = Field(8, ge=1, description="requests that are answered together")
    wait_ms: int = Field(20, ge=0, description="how long a request that comes alone waits for others")
    queue: int = Field(64, ge=1, description="requests that may wait; one more is refused (429)")
    max_body_mb: float = Field(32, gt=0, description="largest request (413)")
    max_audio_s: float = Field(300, gt=0, description="longest audio of a request, its recordings together (400)")
    max_tokens: int = Field(1024, ge=1, description="longest answer that a request may ask for (400)")
    default_tokens: int = Field(256, ge=1, description="longest answer where a request does not say")


def add_chat_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what `chat` can be told."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a recording of any length")
    parser.add_argument("question", nargs="?", metavar="QUESTION", help="without one: a question on each line of input")
    parser.add_argument("--audio", action="append", default=[], type=Path, metavar="FILE", help="another recording")
    _add_model(parser)
    parser.add_argument("--json", action="store_true", help="print each answer as a line of JSON, with what was heard")
    add_flags(parser, ChatSettings)


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser what `serve` can be told."""
    _add_model(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", help="where it listens (default: %(default)s: this machine only)"
    )
    parser.add_argument("--port", type=int, default=8001, help="0 takes a free one (default: %(default)s)")
    add_flags(parser, ServeModelSettings)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", metavar="MODEL", help="a folder, a run, or a registered version (default: the newest registered)"
    )
