"""Valid records with defaults, so that a test shows only the field that matters."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from components.core.contracts.records import (
    SAMPLE_RATE_HZ,
    Answer,
    Audio,
    Clip,
    Decoding,
    Description,
    Domain,
    GeneratorIdentity,
    Measurements,
    Sample,
    Source,
    Split,
)
from components.core.conversation import audio_conversation
from components.core.digests import digest_of, digest_of_bytes


def make_tone(*, duration_s: float = 1.0, hertz: float = 440.0, level: float = 0.3) -> NDArray[np.float32]:
    """A sine at 16 kHz."""
    time_s = np.arange(int(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (level * np.sin(2 * np.pi * hertz * time_s)).astype(np.float32)


def flac(pcm: NDArray[np.float32], rate_hz: int = SAMPLE_RATE_HZ) -> bytes:
    """Encode samples as FLAC."""
    buffer = io.BytesIO()
    sf.write(buffer, pcm, rate_hz, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def make_source(**changes: Any) -> Source:
    """A source record."""
    values = {"corpus": "test", "path": "a.flac", "sha256": "0" * 64, "source_id": "test/a", "offset_s": 0.0}
    return Source(**{**values, **changes})


def make_clip(*, pcm: NDArray[np.float32] | None = None, **changes: Any) -> Clip:
    """A clip of a tone; another `pcm` gives another id."""
    samples = make_tone() if pcm is None else pcm
    data = flac(samples)
    values: dict[str, Any] = {
        "clip_id": digest_of_bytes(data),
        "source": make_source(),
        "domain": Domain.SOUND,
        "split": Split.TRAIN,
        "duration_s": len(samples) / SAMPLE_RATE_HZ,
        "licence": "CC0-1.0",
        "speaker_id": None,
        "language": None,
        "transcript": None,
        "attributes": {},
        "describable": (),
        "segments": (),
        "fingerprint": None,
        "audio": Audio(bytes=data, path="a.flac"),
    }
    return Clip(**{**values, **changes})


def make_measurements(**changes: Any) -> Measurements:
    """Measurements of a loud clip without speech."""
    values: dict[str, Any] = {
        "duration_s": 1.0,
        "speaking_rate_wpm": None,
        "pitch_hz": None,
        "loudness_lufs": -20.0,
        "snr_db": 20.0,
        "speech_ratio": 0.0,
        "tools": dict.fromkeys(("speaking_rate_wpm", "pitch_hz", "loudness_lufs", "snr_db"), "a test 1"),
    }
    return Measurements(**{**values, **changes})


def make_description(**changes: Any) -> Description:
    """A description of a barking dog."""
    values: dict[str, Any] = {
        "clip_id": "1" * 64,
        "domain": Domain.SOUND,
        "split": Split.TRAIN,
        "language": None,
        "transcript": None,
        "transcript_by": None,
        "measurements": make_measurements(),
        "attributes": {"sound_event": "dog barking"},
        "segments": (),
        "seed_description": "[00:00-00:01] (Sound event: dog barking)",
        **changes,
    }
    return Description(**{"told_by": dict.fromkeys(values["attributes"], "corpus"), **values})


def make_generator(**changes: Any) -> GeneratorIdentity:
    """A generator identity."""
    values = {
        "weights": "a" * 64,
        "tokenizer": "b" * 64,
        "chat_template": "c" * 64,
        "engine": "vllm",
        "engine_version": "0.32.0",
        "dtype": "float32",
    }
    return GeneratorIdentity(**{**values, **changes})


def make_sample(**changes: Any) -> Sample:
    """A sample whose answer is fit to train on; its id follows from its content."""
    prompt = changes.get("prompt", "What do you hear?")
    values: dict[str, Any] = {
        "clip_id": "1" * 64,
        "domain": Domain.SOUND,
        "split": Split.TRAIN,
        "prompt_id": "sound-descriptive-001",
        "prompt": prompt,
        "seed_description": "[00:00-00:01] (Sound event: dog barking)",
        "transcript": None,
        "messages": audio_conversation(prompt),
        "response": "A dog is barking nearby.",
        "response_tokens": 6,
        "finish_reason": "stop",
        "nll_per_token": 0.5,
        "generator": make_generator(),
        "decoding": Decoding(temperature=0.05, top_p=1.0, max_tokens=40, seed=0),
    }
    values.update(changes)
    shown = {name: str(value) for name, value in values.items()}
    return Sample(**{"sample_id": digest_of(shown), **values})


def write_corpus(
    folder: Path,
    files: Mapping[str, NDArray[np.float32] | bytes],
    *,
    policy: str = "name: test\nlicence: CC0-1.0\ndomain: sound\n",
    table: str | None = None,
    table_name: str = "metadata.csv",
) -> Path:
    """Write a corpus folder: `corpus.yaml`, its files (samples become 16 kHz FLAC), and a table if there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "corpus.yaml").write_text(policy, encoding="utf-8")
    if table is not None:
        (folder / table_name).write_text(table, encoding="utf-8")
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else flac(content))
    return folder


def make_answer(sample: Sample, wrong_clip_id: str, **changes: Any) -> Answer:
    """What was measured of a held-out question, with another clip in the place of its own."""
    values: dict[str, Any] = {
        "sample_id": sample.sample_id,
        "clip_id": sample.clip_id,
        "domain": sample.domain,
        "prompt": sample.prompt,
        "target": sample.response,
        "target_tokens": 6,
        "wrong_clip_id": wrong_clip_id,
        "wrong_domain": sample.domain,
        "nll_untrained": 9.0,
        "nll_trained": 5.0,
        "nll_wrong_clip": 7.0,
        "response_untrained": None,
        "response_trained": None,
        "response_wrong_clip": None,
    }
    return Answer(**{**values, **changes})
