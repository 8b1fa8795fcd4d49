import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

from components.core.contracts.records import Domain
from components.core.models.store import StoredModel
from components.core.models.whisper import Whisper
from components.core.voice_detector import Span
from components.extract_metadata.heard import HeardClip
from components.extract_metadata.settings import ExtractMetadataSettings
from components.extract_metadata.spoken_languages import SpokenLanguages
from tests.components.extract_metadata.making import noise, speech_clip

SPEAKS = [Span(0, 1600)]
LANGUAGES = {"<|en|>": 50_258, "<|fr|>": 50_264, "<|de|>": 50_260}


def languages(model: StoredModel, detect_language: str = "missing") -> SpokenLanguages:
    settings = ExtractMetadataSettings.model_validate({"detect_language": detect_language})
    return SpokenLanguages(Whisper(model, batch=2, max_tokens=8), settings)


def unknown(**changes: object) -> HeardClip:
    samples = noise(seconds=0.1)
    return HeardClip(speech_clip(samples, **changes), samples, SPEAKS)


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory, encoder: StoredModel) -> StoredModel:
    """A tiny Whisper of several languages that always hears French, five times as likely as each other one."""
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 1, "decoder_attention_heads": 1}
    model = WhisperForConditionalGeneration(
        WhisperConfig(vocab_size=51_865, d_model=4, encoder_ffn_dim=8, decoder_ffn_dim=8, **sizes)
    )
    with torch.no_grad():
        norm, words = model.model.decoder.layer_norm, model.model.decoder.embed_tokens.weight
        norm.weight.zero_()
        norm.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
        words.zero_()
        words[LANGUAGES["<|fr|>"], 0] = np.log(5)
        words[0, 0] = 10  # no language, and so no answer to this question
    model.generation_config = GenerationConfig(
        is_multilingual=True, lang_to_id=LANGUAGES, decoder_start_token_id=50_257, max_length=448
    )
    folder = tmp_path_factory.mktemp("multilingual")
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "processor_config.json"):
        shutil.copy(encoder.folder / name, folder)
    return StoredModel(ref="a test", folder=folder, digest="d" * 64)


def test_a_model_of_several_languages_tells_what_the_corpus_does_not(multilingual: StoredModel) -> None:
    told = languages(multilingual)
    clips = [unknown(), unknown(language="ro"), unknown(domain=Domain.MUSIC), unknown(transcript="Oui"), unknown()]
    found = told.told(clips)
    assert [each.clip.language for each in found] == ["fr", "ro", None, "fr", "fr"]
    assert [found[0].language_by, found[1].language_by] == [f"asr:{'d' * 64}", "corpus"]
    assert [each.clip.transcript for each in found] == [each.clip.transcript for each in clips]
    assert told.origins == {"asr": 3, "corpus": 1}


def test_a_language_that_the_model_is_not_sure_of_is_not_told(multilingual: StoredModel, tmp_path: Path) -> None:
    path = Path(shutil.copytree(multilingual.folder, tmp_path / "unsure"))
    model = WhisperForConditionalGeneration.from_pretrained(path)
    with torch.no_grad():
        model.model.decoder.embed_tokens.weight[LANGUAGES["<|fr|>"], 0] = np.log(1.9)
    model.save_pretrained(path)
    told = languages(replace(multilingual, folder=path))
    assert [each.clip.language for each in told.told([unknown()])] == [None]
    assert told.origins == {"not_sure": 1}


def test_a_model_of_english_alone_does_not_guess(encoder: StoredModel) -> None:
    told = languages(encoder)
    assert [each.clip.language for each in told.told([unknown(transcript="Bonjour")])] == [None]
    assert told.origins == {"model_knows_only_english": 1}


def test_nobody_is_asked_where_nobody_speaks_or_when_it_should_not_be(multilingual: StoredModel) -> None:
    silent = noise(seconds=0.1)
    told = languages(multilingual)
    assert told.told([HeardClip(speech_clip(silent), silent, [])])[0].clip.language is None
    assert told.origins == {"no_speech_heard": 1}
    never = languages(multilingual, "never")
    assert never.told([unknown()])[0].clip.language is None
    assert never.origins == {"not_asked_for": 1}


def test_what_a_model_understands_stands_in_its_files(encoder: StoredModel, multilingual: StoredModel) -> None:
    english, several = (Whisper(model, batch=2, max_tokens=8) for model in (encoder, multilingual))
    asked = [None, "EN_us", "fr-CA", "ro"]
    assert [english.understands(language) for language in asked] == [True, True, False, False]
    assert [several.understands(language) for language in asked] == [True, True, True, False]
