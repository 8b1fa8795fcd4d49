"""Write samples as the training file of the upstream DeSTA2.5-Audio code: one JSON object a line.

Each `audio` names `<clip_id>.flac` below the data root of the training; each `text` is the transcript, or a space where
nobody speaks (docs/train.md of that project).
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.core.command import run_command
from components.core.contracts.artifacts import open_artifact
from components.core.contracts.errors import ContractError
from components.core.contracts.records import AUDIO_LOCATOR, Message, Sample

NO_TRANSCRIPT = " "


def upstream_row(sample: Sample) -> dict[str, Any]:
    """Return a sample in upstream's form: as many audios as there are locators in the conversation.

    Raises:
        ContractError: the conversation does not hold the clip exactly once.
    """
    locators = sum(message.content.count(AUDIO_LOCATOR) for message in sample.messages)
    if locators != 1:
        raise ContractError(f"sample {sample.sample_id}: {locators} times {AUDIO_LOCATOR}, want 1; generate it again")
    messages = [_turn(message, sample) for message in sample.messages]
    return {"id": sample.sample_id, "messages": messages, "response": sample.response}


def _turn(message: Message, sample: Sample) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if AUDIO_LOCATOR in message.content:
        turn["audios"] = [{"audio": f"{sample.clip_id}.flac", "text": sample.transcript or NO_TRANSCRIPT}]
    return turn


def parser() -> argparse.ArgumentParser:
    """Return the command line of the export."""
    parser = argparse.ArgumentParser(
        prog="python -m components.self_generate.export", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--samples", required=True, type=Path, metavar="DIR", help="samples or accepted samples")
    parser.add_argument("--jsonl", required=True, type=Path, metavar="FILE", help="file to write")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Export from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args = parser().parse_args(argv)
    samples = open_artifact(args.samples).read(Sample)
    draft = args.jsonl.with_name(f".{args.jsonl.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(upstream_row(sample), ensure_ascii=False) + "\n" for sample in samples)
    draft.replace(args.jsonl)


if __name__ == "__main__":
    main()
