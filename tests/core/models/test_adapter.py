import pytest
import torch
from transformers import LlamaConfig, WhisperConfig

from components.core.contracts.errors import ConfigurationError
from components.core.models.adapter import AdapterConfig, fit_adapter, untrained_adapter
from components.core.models.features import padded


def make_config(**changes: object) -> AdapterConfig:
    values = {
        "encoder_width": 32,
        "encoder_heads": 4,
        "tapped_layers": (0, 1, 2, 3),
        "llm_width": 48,
        "qformer_layers": 2,
        "queries": 5,
        "mask_frames": True,
        "normalise": True,
        "query_scale": 0.02,
        "dropout": 0.1,
        "init_seed": 1,
    }
    return AdapterConfig.model_validate({**values, **changes})


def test_a_clip_of_any_length_becomes_the_same_number_of_vectors() -> None:
    adapter = untrained_adapter(make_config()).eval()

    vectors = adapter(*padded([torch.randn(4, 7, 32), torch.randn(4, 3, 32)]))

    assert vectors.shape == (2, 5, 48)


def test_what_lies_behind_the_end_of_a_clip_is_not_heard() -> None:
    adapter = untrained_adapter(make_config()).eval()
    clip = torch.randn(4, 3, 32)

    alone = adapter(*padded([clip]))
    beside = adapter(*padded([clip, torch.randn(4, 9, 32)]))

    torch.testing.assert_close(alone[0], beside[0])


def test_without_the_mask_the_padding_is_heard() -> None:
    adapter = untrained_adapter(make_config(mask_frames=False)).eval()
    clip = torch.randn(4, 3, 32)

    assert not torch.allclose(adapter(*padded([clip]))[0], adapter(*padded([clip, torch.randn(4, 9, 32)]))[0])


def test_the_order_of_frames_matters_only_through_their_content() -> None:
    adapter = untrained_adapter(make_config()).eval()
    clip = torch.randn(4, 6, 32)

    torch.testing.assert_close(adapter(*padded([clip])), adapter(*padded([clip.flip(1)])))


def test_the_same_seed_builds_the_same_adapter_whatever_ran_before() -> None:
    torch.manual_seed(7)
    first = untrained_adapter(make_config()).state_dict()
    second = untrained_adapter(make_config()).state_dict()
    other = untrained_adapter(make_config(init_seed=2)).state_dict()

    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["layer_prompts.0"], other["layer_prompts.0"])


def test_queries_see_each_other_in_both_directions() -> None:
    adapter = untrained_adapter(make_config()).eval()
    features, frames = padded([torch.randn(4, 6, 32)])
    before = adapter(features, frames)
    with torch.no_grad():
        for prompts in adapter.layer_prompts:
            prompts[0, -1] += 1.0

    assert not torch.allclose(before[0, 0], adapter(features, frames)[0, 0])


def test_normalised_features_may_have_any_scale() -> None:
    adapter = untrained_adapter(make_config()).eval()
    clip = torch.randn(4, 6, 32)

    torch.testing.assert_close(adapter(*padded([clip])), adapter(*padded([clip * 50])), atol=1e-4, rtol=1e-4)


def test_normalised_features_are_heard_at_the_scale_that_is_wanted() -> None:
    clip, other = torch.randn(4, 6, 32), torch.randn(4, 6, 32)

    def apart(scale: float) -> float:
        adapter = untrained_adapter(make_config(feature_scale=scale)).eval()
        return float((adapter(*padded([clip])) - adapter(*padded([other]))).detach().abs().mean())

    assert apart(4.0) > 2 * apart(1.0) > 0


FORM = {"qformer_layers": 2, "queries": 4, "mask_frames": True, "normalise": True, "query_scale": 1.0, "dropout": 0.1}


def fitted(depth: int, tapped: tuple[int, ...] | None = None) -> AdapterConfig:
    encoder = WhisperConfig(d_model=64, encoder_layers=depth, encoder_attention_heads=4)
    return fit_adapter(encoder, LlamaConfig(hidden_size=96), {**FORM, "init_seed": 1}, tapped)


@pytest.mark.parametrize(
    ("depth", "tapped"),
    [(32, (7, 15, 23, 31)), (24, (5, 11, 17, 23)), (12, (2, 5, 8, 11)), (4, (0, 1, 2, 3)), (6, (1, 2, 4, 5))],
)
def test_the_depth_of_a_known_encoder_decides_its_tapped_layers(depth: int, tapped: tuple[int, ...]) -> None:
    config = fitted(depth)

    assert (config.tapped_layers, config.encoder_width, config.encoder_heads, config.llm_width) == (tapped, 64, 4, 96)


def test_layers_may_be_named() -> None:
    assert fitted(5, (1, 4)).tapped_layers == (1, 4)
    assert fitted(32, (31,)).tapped_layers == (31,)


def test_an_encoder_of_unknown_depth_needs_its_layers_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^tapped_layers: nothing is known of an encoder of 10 layers .*4,9$"):
        fitted(10)


def test_a_layer_that_the_encoder_lacks_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^tapped_layers: the encoder has layers 0 to 3, got 4$"):
        fitted(4, (0, 4))


def test_another_encoder_than_whisper_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^encoder: want a Whisper, got llama$"):
        fit_adapter(LlamaConfig(), LlamaConfig(), {**FORM, "init_seed": 1}, None)
