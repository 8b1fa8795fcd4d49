"""Seconds of a training step when rows share what they begin with, beside reading it in each row.

python -m tests.benchmarks.shared_beginning
"""

import time
from unittest.mock import patch

import torch

from components.core.conversation import audio_conversation
from components.core.home import current_home
from components.core.models import audio_language_model
from components.core.models.adapter import untrained_adapter
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.features import padded
from components.core.models.loading import load_llm, load_tokenizer
from components.core.models.splice import Spliced, Splicer
from components.core.models.store import LLM, resolve_model
from tests.core.models.test_adapter import make_config

ROWS, ROUNDS = 8, 6
ADAPTER = make_config(encoder_width=384, encoder_heads=6, llm_width=576, queries=16, query_scale=1.0)


def main() -> None:
    """Take the two ways in turns and print the faster of each, and their ratio."""
    llm = resolve_model(LLM, current_home().models)
    splicer = Splicer(load_tokenizer(llm.folder), 100)
    conversation = audio_conversation("Which animal is it? Answer in one sentence.")
    row = splicer.splice(conversation, ["Is anybody there?"], "The sound of a dog that barks at the door.")
    heard = padded([torch.randn(4, 200, 384) for _ in range(ROWS)])
    model = AudioLanguageModel(untrained_adapter(ADAPTER), load_llm(llm.folder)).train()
    seconds: dict[str, list[float]] = {"alone": [], "shared": []}
    for _ in range(ROUNDS):
        with patch.object(audio_language_model, "_common_beginning", return_value=()):
            seconds["alone"].append(_step(model, *heard, [row] * ROWS))
        seconds["shared"].append(_step(model, *heard, [row] * ROWS))
    alone, shared = min(seconds["alone"]), min(seconds["shared"])
    print(f"alone {alone:.2f} s, shared {shared:.2f} s, ratio {alone / shared:.2f}")


def _step(model: AudioLanguageModel, features: torch.Tensor, frames: torch.Tensor, rows: list[Spliced]) -> float:
    started_s = time.perf_counter()
    model(features, frames, rows).sum().backward()
    return time.perf_counter() - started_s


if __name__ == "__main__":
    main()
