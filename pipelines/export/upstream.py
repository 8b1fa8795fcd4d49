"""The training files of the upstream DeSTA2.5-Audio code: one JSON object a line, and the audio that the lines name.

    train.jsonl  validation.jsonl  evaluation.jsonl  audio/<2 digits>/<clip_id>.flac

Each `audio` is a path below the data root, which is this folder; each `text` is the transcript, or a space where nobody
speaks (docs/train.md of that project).
"""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from components.core.contracts.errors import ContractError
from components.core.contracts.records import AUDIO_LOCATOR, Message, Sample, Split
from pipelines.export.dataset import Group

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
        turn["audios"] = [{"audio": audio_path(sample.clip_id), "text": sample.transcript or NO_TRANSCRIPT}]
    return turn


def audio_path(clip_id: str) -> str:
    """Return where a clip lies below the data root; some 250 folders, since no folder likes a million files."""
    return f"audio/{clip_id[:2]}/{clip_id}.flac"


def write_upstream(folder: Path, groups: Iterable[Group]) -> None:
    """Write the audio and the lines of each split, one clip in memory at a time.

    Raises:
        ContractError: see `upstream_row`.
    """
    with ExitStack() as stack:
        lines: dict[Split, TextIO] = {}
        for clip, samples in groups:
            audio = folder / audio_path(clip.clip_id)
            audio.parent.mkdir(parents=True, exist_ok=True)
            audio.write_bytes(clip.audio.bytes)
            if clip.split not in lines:
                file = (folder / f"{clip.split}.jsonl").open("w", encoding="utf-8", newline="\n")
                lines[clip.split] = stack.enter_context(file)
            rows = (json.dumps(upstream_row(sample), ensure_ascii=False) for sample in samples)
            lines[clip.split].writelines(f"{row}\n" for row in rows)
