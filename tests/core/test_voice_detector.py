import numpy as np
import pytest
import silero_vad
import torch

from components.core.audio import Samples
from components.core.voice_detector import FRAME, Span, VoiceDetector, gaps
from tests.builders import make_tone
from tests.components.extract_metadata.making import noise, spoken


@pytest.fixture(scope="module")
def detector() -> VoiceDetector:
    return VoiceDetector()


@pytest.fixture(scope="module")
def original() -> torch.jit.ScriptModule:
    threads = torch.get_num_threads()
    model: torch.jit.ScriptModule = silero_vad.load_silero_vad()
    torch.set_num_threads(threads)
    return model


def weights_of(model: torch.jit.ScriptModule) -> dict[str, np.ndarray]:
    found = {name: value.detach().numpy() for name, value in [*model.named_parameters(), *model.named_buffers()]}
    renamed = {"stft_conv.weight": found["_model.stft.forward_basis_buffer"]}
    for kind in ("weight", "bias"):
        renamed[f"final_conv.{kind}"] = found[f"_model.decoder.decoder.2.{kind}"]
        for layer in range(4):
            renamed[f"conv{layer + 1}.{kind}"] = found[f"_model.encoder.{layer}.reparam_conv.{kind}"]
        for gate in ("ih", "hh"):
            renamed[f"lstm_cell.{kind}_{gate}"] = found[f"_model.decoder.rnn.{kind}_{gate}"]
    return renamed


def probabilities_of(model: torch.jit.ScriptModule, samples: Samples) -> list[float]:
    model.reset_states()
    frames = np.pad(samples, (0, -len(samples) % FRAME)).reshape(-1, FRAME)
    return [model(torch.from_numpy(frame), 16_000).item() for frame in frames]


@pytest.mark.parametrize("corpus", ["asterisk-en", "asterisk-ru", "librivox-austen"])
def test_the_computation_is_the_packages_own(corpus: str, original: torch.jit.ScriptModule) -> None:
    samples, _ = spoken(corpus)
    ours = VoiceDetector()
    ours._weights = weights_of(original)  # the package carries an older and a newer training of one network
    assert np.abs(ours.probabilities(samples) - probabilities_of(original, samples)).max() < 1e-4
    theirs = silero_vad.get_speech_timestamps(torch.from_numpy(samples), original)
    assert [(span.start, span.end) for span in ours.spans(samples)] == [(s["start"], s["end"]) for s in theirs]


@pytest.mark.parametrize("corpus", ["asterisk-en", "asterisk-fr", "asterisk-it", "tuxpaint-bulgarian"])
def test_it_hears_speech_where_the_package_does(
    corpus: str, detector: VoiceDetector, original: torch.jit.ScriptModule
) -> None:
    samples, _ = spoken(corpus)
    ours, theirs = np.zeros(len(samples), bool), np.zeros(len(samples), bool)
    for span in detector.spans(samples):
        ours[span.start : span.end] = True
    for stretch in silero_vad.get_speech_timestamps(torch.from_numpy(samples), original):
        theirs[stretch["start"] : stretch["end"]] = True
    assert theirs.any()
    assert (ours == theirs).mean() > 0.85


@pytest.mark.parametrize(
    "samples", [make_tone(duration_s=2.0), noise(), np.zeros(32_000, np.float32), make_tone()[:100]]
)
def test_tones_noise_and_silence_are_no_speech(samples: Samples, detector: VoiceDetector) -> None:
    assert detector.spans(samples) == []


def test_speech_between_silence_is_found_where_it_is(detector: VoiceDetector) -> None:
    samples, _ = spoken()
    silence = np.zeros(48_000, np.float32)
    spans = detector.spans(np.concatenate([silence, samples, silence]))
    assert spans[0].start > 48_000 - 3_200
    assert spans[-1].end < 48_000 + len(samples) + 3_200
    assert sum(span.end - span.start for span in spans) > 0.6 * len(samples)


def test_one_clip_leaves_no_trace_in_the_next(detector: VoiceDetector) -> None:
    samples, _ = spoken()
    before = detector.probabilities(samples)
    detector.probabilities(noise())
    assert np.array_equal(detector.probabilities(samples), before)


def test_a_higher_threshold_hears_less() -> None:
    samples, _ = spoken("sphinx-cards")
    heard = [
        sum(span.end - span.start for span in VoiceDetector(threshold).spans(samples)) for threshold in (0.2, 0.5, 0.95)
    ]
    assert heard == sorted(heard, reverse=True)
    assert heard[0] > heard[2]


def test_gaps_are_what_spans_leave() -> None:
    assert gaps([Span(0, 2), Span(5, 9)], 12) == [Span(2, 5), Span(9, 12)]
    assert gaps([Span(0, 12)], 12) == []
