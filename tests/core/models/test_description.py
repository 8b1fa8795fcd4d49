"""Sizes against the figures that the authors of each model publish."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.models.adapter import fit_adapter
from components.core.models.description import ModelDescription, describe
from components.core.models.known_models import config_of, known_sizes
from components.core.models.store import StoredModel
from components.train_model.settings import TrainModelSettings


def described(encoder: str, llm: str, tmp_path: Path, **form: object) -> ModelDescription:
    settings = TrainModelSettings.model_validate({"preset": "upstream", **form})
    sizes, llm_sizes = config_of(encoder, tmp_path), config_of(llm, tmp_path)
    return describe(encoder, sizes, llm, llm_sizes, fit_adapter(sizes, llm_sizes, settings.form, settings.layers))


def test_the_released_model_has_upstreams_number_of_parameters(tmp_path: Path) -> None:
    released = described("openai/whisper-large-v3", "meta-llama/Llama-3.1-8B-Instruct", tmp_path)

    assert released.trainable_parameters == 131_540_224
    assert list(released.trainable.values()) == [125_962_752, 327_680, 256, 5_249_536]
    assert released.adapter.tapped_layers == (7, 15, 23, 31)
    assert released.frozen["llm"] == 8_030_261_248
    assert released.frozen["encoder"] + released.frozen["decoder"] == 1_543_490_560
    assert "trainable          131,540,224   526.2 MB in float32" in str(released)


def test_our_form_has_as_many_parameters_as_upstreams(tmp_path: Path) -> None:
    pair = "openai/whisper-large-v3", "meta-llama/Llama-3.1-8B-Instruct"
    ours = described(*pair, tmp_path, preset="desta")

    assert ours.adapter.mask_frames
    assert ours.adapter.normalise
    assert ours.trainable_parameters == 131_540_224


def test_upstreams_debug_pair(tmp_path: Path) -> None:
    assert (
        described("openai/whisper-tiny", "Qwen/Qwen3-0.6B", tmp_path, qformer_layers=2).trainable_parameters
        == 7_589_120
    )


PUBLISHED = {
    "openai/whisper-tiny": 37_760_640,
    "openai/whisper-base": 72_593_920,
    "openai/whisper-small": 241_734_912,
    "openai/whisper-medium": 763_857_920,
    "openai/whisper-large-v3-turbo": 808_878_080,
    "Qwen/Qwen3-0.6B": 596_049_920,
    "Qwen/Qwen3-4B": 4_022_468_096,
    "HuggingFaceTB/SmolLM2-135M-Instruct": 134_515_008,
}


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, int]:
    """The parameters of every known model."""
    place = tmp_path_factory.mktemp("models")
    found: dict[str, int] = {}
    whispers = [name for name in known_sizes() if "whisper" in name]
    llms = [name for name in known_sizes() if "whisper" not in name]
    for number in range(max(len(whispers), len(llms))):
        encoder, llm = whispers[number % len(whispers)], llms[number % len(llms)]
        parts = described(encoder, llm, place).frozen
        found |= {encoder: parts["encoder"] + parts["decoder"], llm: parts["llm"]}
    return found


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_known_model_has_its_published_size(frozen: Mapping[str, int], name: str) -> None:
    assert frozen[name] == PUBLISHED[name]


def test_english_models_have_one_token_less(frozen: Mapping[str, int]) -> None:
    assert frozen["openai/whisper-tiny"] - frozen["openai/whisper-tiny.en"] == 384


def test_a_model_of_the_store_or_a_folder_is_known_by_its_configuration(encoder: StoredModel, llm: StoredModel) -> None:
    for model in (encoder, llm):
        by_name, by_folder = config_of(model.ref, model.folder.parent), config_of(str(model.folder), model.folder)
        assert by_name.to_dict() == by_folder.to_dict()
    assert config_of(llm.ref, llm.folder.parent).hidden_size == 576


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "whisper-large3",
            r"^whisper-large3: not a known model; did you mean openai/whisper-large-v3\? known: openai/",
        ),
        ("", r"^: not a known model; known: "),
        ("hf://no/such@main", "not in the model store"),
    ],
)
def test_a_model_that_nobody_knows_is_one_clear_line(tmp_path: Path, name: str, line: str) -> None:
    with pytest.raises(ConfigurationError, match=line):
        config_of(name, tmp_path)


WHISPER = "openai/whisper-tiny"
LLM = "HuggingFaceTB/SmolLM2-135M-Instruct"


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ('{"model_type": "whisper", "d_model": "x"}', "no configuration of a model: .*'d_model' expected int, got str"),
        ('{"model_type": "whisper", "encoder_layers": null}', "no configuration of a model: .*encoder_layers"),
        ('{"model_type": "whisper", "d_model": 7, "encoder_layers": 4}', "cannot be built as its configuration says: "),
        (
            '{"model_type": "whisper", "d_model": -8}',
            "encoder_width: .*, got -8; name other",
        ),
        ('{"model_type": "whisper", "encoder_layers": 4, "vocab_size": -1}', "cannot be built"),
        ('{"model_type": "clip"}', "encoder: want a Whisper, got clip"),
        ('{"model_type": 3}', "no configuration of a model"),
        ('["whisper"]', "no configuration of a model"),
        ('{"model_type": "whis', "no configuration of a model"),
    ],
)
def test_an_encoder_that_cannot_be_is_one_clear_line(tmp_path: Path, config: str, line: str) -> None:
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ConfigurationError, match=line) as raised:
        described(str(tmp_path), LLM, tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ('{"model_type": "clip"}', "llm: want a causal language model without an encoder, got clip"),
        ('{"model_type": "bert"}', "llm: want a causal language model without an encoder, got bert"),
        ('{"model_type": "roberta", "is_decoder": true}', "without an encoder, got roberta"),
        ('{"model_type": "bart"}', "without an encoder, got bart"),
        ('{"model_type": "whisper"}', "without an encoder, got whisper"),
        ('{"model_type": "llama", "hidden_size": -32}', "llm_width: .*, got -32; name other models"),
        ('{"model_type": "llama", "num_attention_heads": 0}', "cannot be built|no configuration"),
        ('{"model_type": "llama", "rope_scaling": 3}', "cannot be built|no configuration"),
        ('{"model_type": "llama", "hidden_act": "loud"}', "cannot be built as its configuration says: "),
        ('{"model_type": "gpt2", "n_embd": 7}', "cannot be built as its configuration says: "),
    ],
)
def test_an_llm_that_cannot_be_is_one_clear_line(tmp_path: Path, config: str, line: str) -> None:
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ConfigurationError, match=line) as raised:
        described(WHISPER, str(tmp_path), tmp_path)
    assert "\n" not in str(raised.value)


def test_a_model_that_hears_is_no_llm(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="llm: want a causal language model without an encoder, got whisper"):
        described(WHISPER, WHISPER, tmp_path)


def test_a_folder_without_a_configuration_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"^{tmp_path}: no configuration of a model: "):
        config_of(str(tmp_path), tmp_path)
