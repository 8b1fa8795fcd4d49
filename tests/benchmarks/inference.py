"""Answers a second when conversations are answered together, beside one by one.

python -m tests.benchmarks.inference CLIPS --model MODEL --conversations 16
"""

import argparse
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.records import Clip
from components.core.conversation import audio_conversation
from components.core.inference.desta_model import DestaModel

QUESTION = "What do you hear?"
ROUNDS = 2


def main() -> None:
    """Take the two ways in turns, in one process, and print the rates and the ratio of the best of each.

    Hearing (encoder and adapter, a clip at a time) is done before: it costs both the same. The answers have one length.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="clips written by ingest_audio")
    parser.add_argument("--model", metavar="MODEL", help="as in desta chat")
    parser.add_argument("--conversations", type=int, default=16, metavar="N")
    parser.add_argument("--batch", type=int, default=8, metavar="N")
    parser.add_argument("--tokens", type=int, default=24, metavar="N")
    args = parser.parse_args()
    model = DestaModel.from_pretrained(args.model)
    clips = islice(open_artifact(args.clips, "clips").read(Clip), args.conversations)
    asked = [_asked(clip) for clip in clips]
    hearing_s = _seconds(lambda: model.generate(asked, do_sample=False, max_new_tokens=1, batch=args.batch))
    ways = {"one by one": 1, f"{args.batch} together": args.batch}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    written: dict[str, int] = {}
    for _ in range(ROUNDS):
        for way, batch in ways.items():
            started_s = time.perf_counter()
            said = model.generate(asked, do_sample=False, max_new_tokens=args.tokens, batch=batch)
            rates[way].append(len(said) / (time.perf_counter() - started_s))
            written[way] = sum(len(answer.tokens) for answer in said)
    print(f"hearing and the first token: {hearing_s / len(asked):.2f} s a conversation")
    for way, measured in rates.items():
        print(f"{way}: {', '.join(f'{rate:.2f}' for rate in measured)} answers/s, {written[way]} tokens")
    alone, together = (max(measured) for measured in rates.values())
    print(f"ratio {together / alone:.2f}")


def _asked(clip: Clip) -> list[dict[str, Any]]:
    system, user = audio_conversation(QUESTION)
    return [
        system.model_dump(),
        {**user.model_dump(), "audios": [{"audio": clip.audio.bytes, "text": clip.transcript}]},
    ]


def _seconds(work: Callable[[], Any]) -> float:
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


if __name__ == "__main__":
    main()
