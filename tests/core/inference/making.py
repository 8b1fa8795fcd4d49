"""A model that was never trained, in a folder as training leaves it, and conversations with it."""

from pathlib import Path
from typing import Any

from components.core.models.adapter import untrained_adapter
from components.core.models.lora import Lora
from components.core.models.model_artifact import ModelConfig, save_model
from components.core.models.store import StoredModel, identity_of
from tests.core.models.test_adapter import make_config

ADAPTER = make_config(encoder_width=384, encoder_heads=6, llm_width=576, queries=4)


def untrained_model(
    folder: Path,
    encoder: StoredModel,
    llm: StoredModel,
    *,
    claimed_llm: str | None = None,
    llm_ref: str | None = None,
    lora: Lora | None = None,
) -> Path:
    """Write the folder."""
    config = ModelConfig(
        adapter=ADAPTER,
        max_transcript_tokens=20,
        encoder=encoder.digest,
        llm=claimed_llm or llm.digest,
        backbone=identity_of(llm, "transformers", "5", "float32"),
        accepted="0" * 64,
        steps=0,
        llm_ref=llm_ref,
        lora=lora.config if lora is not None else None,
    )
    folder.mkdir(parents=True)
    save_model(folder, untrained_adapter(ADAPTER), config, lora)
    return folder


def asking(question: str, *audios: Any, **told: Any) -> list[dict[str, Any]]:
    """One question about recordings; what is told goes with each of them."""
    heard = [{"audio": audio, **told} for audio in audios]
    return [{"role": "user", "content": "<|AUDIO|> " * len(audios) + question, "audios": heard}]
