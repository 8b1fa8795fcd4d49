"""The trained part: a Q-Former that turns tapped encoder features into a fixed number of LLM input vectors.

Source: DeSTA2.5-Audio, section on the model; upstream `desta/models/modeling_desta25.py` (QformerConnector). Parameter
names are upstream's. Shapes: B clips, L tapped layers, T frames, D encoder width, Q queries, H LLM width.
"""

from collections.abc import Mapping
from typing import Any, cast

import torch
from pydantic import Field, ValidationError
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own abbreviation
from transformers import BertConfig, PretrainedConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)
from transformers.models.bert.modeling_bert import BertEncoder

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record


class AdapterConfig(Record):
    """Everything that decides an untrained adapter.

    `mask_frames` and `normalise` together make it hear within a few hundred steps (design notes, §6), `feature_scale`,
    the standard deviation of a frame's normalised features, in fewer; none of them has parameters. Upstream's form has
    neither mask nor normalisation.
    """

    encoder_width: int = Field(ge=1)
    encoder_heads: int = Field(ge=1)
    tapped_layers: tuple[int, ...] = Field(min_length=1)
    llm_width: int = Field(ge=1)
    qformer_layers: int = Field(ge=1)
    queries: int = Field(ge=1)
    mask_frames: bool
    normalise: bool
    feature_scale: float = Field(1.0, gt=0)
    query_scale: float = Field(gt=0)
    dropout: float = Field(ge=0, lt=1)
    init_seed: int = Field(ge=0)


TAPPED_LAYERS: Mapping[int, tuple[int, ...]] = {
    4: (0, 1, 2, 3),  # tiny
    6: (1, 2, 4, 5),  # base
    12: (2, 5, 8, 11),  # small
    24: (5, 11, 17, 23),  # medium
    32: (7, 15, 23, 31),  # large, its third version and that one's turbo among it
}
"""The layers (0-based) at each quarter of an encoder's depth; upstream names them for all of these but base."""


def fit_adapter(
    encoder: PretrainedConfig, llm: PretrainedConfig, form: Mapping[str, Any], tapped: tuple[int, ...] | None
) -> AdapterConfig:
    """Fit an adapter of a `form` (the fields that no model decides) between two models.

    Raises:
        ConfigurationError: the encoder is no Whisper or of an unknown depth, or has no such layer; the LLM is not one
            that only goes on writing; or one of them has an impossible size.
    """
    if encoder.model_type != "whisper":
        raise ConfigurationError(f"encoder: want a Whisper, got {encoder.model_type}")
    if not _only_goes_on(llm):
        raise ConfigurationError(f"llm: want a causal language model without an encoder, got {llm.model_type}")
    try:
        return AdapterConfig(
            encoder_width=encoder.d_model,
            encoder_heads=encoder.encoder_attention_heads,
            tapped_layers=_tapped(encoder.encoder_layers, tapped),
            llm_width=llm.get_text_config().hidden_size,
            **form,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        size = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"{size}: {first['msg']}, got {first['input']!r}; name other models") from error


def _only_goes_on(llm: PretrainedConfig) -> bool:
    """Tell whether a model reads from left to right alone: those for masked words have a causal head all the same."""
    kind = llm.model_type
    causal = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return causal and not llm.is_encoder_decoder


def _tapped(depth: int, asked: tuple[int, ...] | None) -> tuple[int, ...]:
    if asked is None and depth not in TAPPED_LAYERS:
        known = ", ".join(map(str, TAPPED_LAYERS))
        raise ConfigurationError(
            f"tapped_layers: nothing is known of an encoder of {depth} layers (known: {known}); name layers, such as"
            f" {depth // 2 - 1},{depth - 1}"
        )
    if asked and asked[-1] >= depth:
        raise ConfigurationError(f"tapped_layers: the encoder has layers 0 to {depth - 1}, got {asked[-1]}")
    return asked or TAPPED_LAYERS[depth]


class Adapter(nn.Module):
    """Queries attend to the features of each tapped layer through one shared Q-Former; layers are mixed per query."""

    def __init__(self, config: AdapterConfig) -> None:
        super().__init__()
        self.config = config
        width, layers = config.encoder_width, len(config.tapped_layers)
        self.layer_prompts = nn.ParameterList(
            nn.Parameter(config.query_scale * torch.randn(1, config.queries, width)) for _ in range(layers)
        )
        self.layer_weights = nn.Parameter(torch.zeros(config.queries, layers))
        self.qformer = BertEncoder(_bert_config(config))
        self.proj = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.llm_width))

    def forward(self, features: Tensor, frames: Tensor) -> Tensor:
        """Turn features [B, L, T, D] of clips with `frames` [B] real frames each into vectors [B, Q, H]."""
        batch, layers, time, width = features.shape
        features = features.to(self.layer_weights.dtype)
        if self.config.normalise:
            features = self.config.feature_scale * F.layer_norm(features, (width,))
        queries = torch.cat(list(self.layer_prompts)).expand(batch, layers, -1, width)
        heard = self.qformer(
            queries.reshape(batch * layers, -1, width),
            encoder_hidden_states=features.reshape(batch * layers, time, width),
            encoder_attention_mask=self._frame_mask(frames, time, features.dtype) if self.config.mask_frames else None,
        ).last_hidden_state.view(batch, layers, -1, width)
        weights = self.layer_weights.softmax(dim=-1).T.unsqueeze(-1)
        return cast(Tensor, self.proj((heard * weights).sum(dim=1)))

    def _frame_mask(self, frames: Tensor, time: int, dtype: torch.dtype) -> Tensor:
        """Return an additive mask [B·L, 1, 1, T] that hides what lies behind the end of a clip."""
        outside = torch.arange(time, device=frames.device) >= frames.unsqueeze(1)
        mask = torch.zeros(outside.shape, dtype=dtype, device=frames.device).masked_fill(
            outside, torch.finfo(dtype).min
        )
        return mask.repeat_interleave(len(self.config.tapped_layers), dim=0)[:, None, None, :]


def _bert_config(config: AdapterConfig) -> BertConfig:
    # Everything not named here is BertConfig's default, the intermediate size of 3072 among it: upstream's exact form.
    return BertConfig(
        hidden_size=config.encoder_width,
        num_attention_heads=config.encoder_heads,
        num_hidden_layers=config.qformer_layers,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
        add_cross_attention=True,
        is_decoder=True,
        # Only the eager form leaves the queries' self-attention bidirectional without a mask.
        attn_implementation="eager",
    )


def untrained_adapter(config: AdapterConfig) -> Adapter:
    """Build the adapter as it is before the first step: the same configuration gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.init_seed)
        return Adapter(config)
