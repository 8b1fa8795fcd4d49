"""Answers a second when questions of a batch share what they have in common, beside reading all of it each time.

python -m tests.benchmarks.shared_prefixes .desta/store/RESULT/descriptions --questions 128
"""

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import vllm

from components.core.contracts.artifacts import open_artifact
from components.core.home import current_home
from components.core.models.store import LLM, resolve_model
from components.self_generate.generation import replies_to
from components.self_generate.questions import Question
from components.self_generate.settings import SelfGenerateSettings
from components.self_generate.stage import plan_of
from components.self_generate.vllm_generator import VllmGenerator, _engine, vllm_identity

ALONE = {"enable_prefix_caching": False, "block_size": 128}


def main() -> None:
    """Measure both ways twice, in turns, in one process; print the rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("descriptions", type=Path, help="descriptions written by extract_metadata")
    parser.add_argument("--questions", type=int, default=128, metavar="N")
    args = parser.parse_args()
    settings = SelfGenerateSettings()
    llm = resolve_model(LLM, current_home().models)
    identity = vllm_identity(llm)
    plan = plan_of(open_artifact(args.descriptions), settings, identity)
    questions = list(islice(plan, args.questions))
    generator = VllmGenerator(
        model=llm,
        dtype=identity.dtype,
        decoding=plan.decoding,
        at_once=settings.at_once,
        window_tokens=settings.window_tokens,
    )
    engine = vllm.LLM
    ways: dict[str, Callable[..., Any]] = {
        "alone": lambda **options: engine(**{**options, **ALONE}),
        "shared": engine,
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for way, make in ways.items():
        with patch("vllm.LLM", make):
            _engine.cache_clear()
            replies_to(questions[:2], generator)
            rates[way] = [_rate(generator, questions, settings.batch) for _ in range(2)]
        print(f"{way}: {', '.join(f'{rate:.2f}' for rate in rates[way])} answers/s", flush=True)
    print(f"ratio {max(rates['shared']) / max(rates['alone']):.2f}")


def _rate(generator: VllmGenerator, questions: Sequence[Question], batch: int) -> float:
    started_s = time.perf_counter()
    for start in range(0, len(questions), batch):
        replies_to(questions[start : start + batch], generator)
    return len(questions) / (time.perf_counter() - started_s)


if __name__ == "__main__":
    main()
