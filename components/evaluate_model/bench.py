"""What an evaluation works with: both frozen models, the adapter before and after training, and what they hear."""

import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ContractError
from components.core.models.adapter import untrained_adapter
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.encoder import Encoder, encoder_for, hearing_for
from components.core.models.features import KeptFeatures, padded
from components.core.models.loading import best_device, load_llm, load_tokenizer
from components.core.models.model_artifact import ModelConfig, load_trained, read_config
from components.core.models.splice import Splicer
from components.core.models.store import StoredModel
from components.core.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A trained model on the bench; `digest` is the model artifact's."""

    digest: str
    config: ModelConfig
    encoder: StoredModel
    llm: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    untrained: AudioLanguageModel
    """Never with LoRA, whatever the trained one has."""
    trained: AudioLanguageModel
    features: KeptFeatures
    device: str

    @property
    def splicer(self) -> Splicer:
        """Puts clips into conversations as training did."""
        return Splicer(self.tokenizer, self.config.max_transcript_tokens)

    def hear(self, clips: Artifact, wanted: Collection[str], progress: Progress) -> None:
        """Bring the features of clips to the disk; what room they take there is said before the first is heard.

        Raises:
            SourceError: there is no room for them.
        """
        room = self.features.room(clips, wanted, self.config.adapter.encoder_width)
        print(f"evaluate_model: {room}", file=sys.stderr)
        self.features.complete(clips, wanted, self._open_encoder, progress)

    @torch.inference_mode()
    def vectors(self, model: AudioLanguageModel, clip_id: str) -> Tensor:
        """Return the vectors [Q, H] that the adapter of a model makes of a clip."""
        features, frames = padded([self.features.read(clip_id)])
        vectors: Tensor = model.adapter(features.to(self.device), frames.to(self.device))
        return vectors[0]

    def _open_encoder(self) -> Encoder:
        return encoder_for(self.config.adapter, self.encoder.folder, self.device)


def open_bench(model: Artifact, encoder: StoredModel, llm: StoredModel, features_root: Path) -> Bench:
    """Load a trained model with both frozen parts.

    Raises:
        ContractError: the model belongs to another encoder or LLM, or a file of it is damaged.
    """
    config = read_config(model.folder)
    _check_belongs(config, encoder, llm)
    device, dtype = best_device()
    backbone = load_llm(llm.folder, dtype).to(device)
    adapter = untrained_adapter(config.adapter).to(device=device, dtype=dtype)
    return Bench(
        digest=model.digest,
        config=config,
        encoder=encoder,
        llm=backbone,
        tokenizer=load_tokenizer(llm.folder),
        untrained=AudioLanguageModel(adapter, backbone).eval(),
        trained=load_trained(model.folder, config, backbone),
        features=KeptFeatures(features_root, hearing_for(config.adapter, encoder.digest, device)),
        device=device,
    )


def _check_belongs(config: ModelConfig, encoder: StoredModel, llm: StoredModel) -> None:
    for part, wanted, found in (("encoder", config.encoder, encoder.digest), ("llm", config.llm, llm.digest)):
        if wanted != found:
            raise ContractError(
                f"evaluate_model: the model was trained with {part} {wanted[:12]}, got {found[:12]}; "
                f"name the same {part}"
            )
