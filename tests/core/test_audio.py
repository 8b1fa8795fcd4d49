import io
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from numpy.typing import NDArray

from components.core.audio import (
    AudioError,
    Pcm,
    decode,
    encode_flac,
    pcm_digest,
    quantise,
    resample,
    samples_of,
)
from components.core.contracts.errors import ContractError
from components.core.contracts.records import Audio
from tests.builders import flac, make_tone

RATE_HZ = 16_000


def encoded(pcm: NDArray[np.float32], rate_hz: int, form: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    sf.write(buffer, pcm, rate_hz, format=form, subtype=subtype)
    return buffer.getvalue()


def tone_at(rate_hz: int, *, seconds: float = 1.0, hertz: float = 1000.0) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def loudest_hertz(samples: NDArray[np.floating]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * RATE_HZ / len(samples))


@pytest.mark.parametrize(
    ("form", "subtype", "rate_hz", "tolerance"),
    [
        ("WAV", "PCM_U8", 16_000, 0.02),
        ("WAV", "PCM_16", 8_000, 1e-4),
        ("WAV", "PCM_24", 44_100, 1e-6),
        ("WAV", "PCM_32", 192_000, 1e-6),
        ("WAV", "FLOAT", 48_000, 1e-7),
        ("FLAC", "PCM_24", 96_000, 1e-6),
        ("AIFF", "PCM_16", 22_050, 1e-4),
        ("OGG", "VORBIS", 44_100, 0.05),
        ("OGG", "OPUS", 48_000, 0.05),
        ("MP3", "MPEG_LAYER_III", 44_100, 0.05),
    ],
)
def test_every_format_gives_its_samples_back(form: str, subtype: str, rate_hz: int, tolerance: float) -> None:
    tone = tone_at(rate_hz)
    samples, found_hz = decode(encoded(tone, rate_hz, form, subtype))
    assert (found_hz, samples.dtype.name, len(samples)) == (rate_hz, "float32", len(tone))
    middle = slice(rate_hz // 10, -rate_hz // 10)
    assert np.abs(samples[middle] - tone[middle]).max() < tolerance


def test_channels_become_their_mean() -> None:
    left, silent = make_tone(), np.zeros(RATE_HZ, np.float32)
    samples, _ = decode(encoded(np.stack([left, silent], axis=1), RATE_HZ, "WAV", "FLOAT"))
    assert np.array_equal(samples, left / 2)


def test_a_file_of_no_samples_decodes_to_none() -> None:
    samples, _ = decode(encoded(np.zeros(0, np.float32), RATE_HZ, "WAV", "PCM_16"))
    assert len(samples) == 0


def test_reading_stops_soon_after_the_limit() -> None:
    minutes = encoded(np.zeros(8000 * 300, np.float32), 8000, "WAV", "PCM_U8")
    samples, _ = decode(minutes, at_most_s=1.0)
    assert 8000 < len(samples) < 8000 * 60


def test_a_file_as_long_as_the_limit_is_read_whole() -> None:
    samples, _ = decode(flac(make_tone(duration_s=2.0)), at_most_s=2.0)
    assert len(samples) == 2 * RATE_HZ


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("text named wav", b"hello, this is not audio", "Format not recognised"),
        ("no bytes", b"", "Format not recognised"),
        ("half a flac", flac(make_tone())[:4000], "cannot be decoded"),
        ("half a wav", encoded(make_tone(), RATE_HZ, "WAV", "PCM_16")[:9000], "cut off"),
        ("half an aiff", encoded(make_tone(), RATE_HZ, "AIFF", "PCM_16")[:9000], "cut off"),
        ("half an mp3", encoded(tone_at(44_100), 44_100, "MP3", "MPEG_LAYER_III")[:4000], "cut off"),
        ("not numbers", encoded(np.full(9000, np.nan, np.float32), RATE_HZ, "WAV", "FLOAT"), "not numbers"),
        ("infinite", encoded(np.full(9000, np.inf, np.float32), RATE_HZ, "WAV", "FLOAT"), "not numbers"),
        ("integers as floats", encoded(make_tone() * 32768, RATE_HZ, "WAV", "FLOAT"), "full scale"),
        ("a rate no recorder has", encoded(make_tone(), 1000, "WAV", "PCM_16"), "sample rate 1000 Hz"),
    ],
)
def test_what_cannot_be_heard_is_refused_with_its_reason(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(AudioError, match=reason) as caught:
        decode(data)
    assert "\n" not in str(caught.value), name


def test_a_wav_from_a_pipe_whose_header_knows_no_length_is_read() -> None:
    data = bytearray(encoded(make_tone(), RATE_HZ, "WAV", "PCM_16"))
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    samples, _ = decode(bytes(data))
    assert len(samples) == RATE_HZ


@pytest.mark.parametrize(
    "name", ["with space.flac", "two\nlines.flac", "-rf.flac", "größe 音.flac", "tone.raw", "no-suffix", "%s;$(x).wav"]
)
def test_no_file_name_is_special(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(flac(make_tone()))
    assert len(decode(file)[0]) == RATE_HZ


def test_a_file_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.flac"))
    file.write_bytes(flac(make_tone()))
    assert len(decode(file)[0]) == RATE_HZ


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent.flac", "No such file"),
        ("folder", "not a regular file"),
        ("pipe", "not a regular file"),
        ("a\x00b", "can have"),
        ("a" * 300, "too long"),
    ],
)
def test_what_is_no_file_is_refused_and_never_waited_for(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AudioError, match=reason):
        decode(tmp_path / name)


@pytest.mark.parametrize("rate_hz", [8_000, 11_127, 22_050, 44_100, 44_101, 48_000])
def test_resampling_keeps_the_tone_and_its_level(rate_hz: int) -> None:
    samples = resample(tone_at(rate_hz), rate_hz)
    assert abs(len(samples) - RATE_HZ) <= 1
    assert loudest_hertz(samples) == pytest.approx(1000, abs=1.1)
    assert np.abs(samples[1000:-1000]).max() == pytest.approx(0.5, abs=1e-3)


def test_resampling_lets_nothing_fold_back() -> None:
    folded = resample(tone_at(44_100, hertz=9_000), 44_100)
    assert np.abs(folded[1000:-1000]).max() < 0.5 * 10 ** (-60 / 20)


def test_samples_at_16_khz_pass_unchanged() -> None:
    tone = make_tone()
    assert np.array_equal(resample(tone, RATE_HZ), tone)


def test_the_identity_of_a_clip_does_not_depend_on_threads() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 44_100).astype(np.float32)
    threads = torch.get_num_threads()
    digests = set()
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        digests.add(pcm_digest(quantise(resample(noise, 44_100))))
    torch.set_num_threads(threads)
    assert len(digests) == 1


def test_what_lies_beyond_full_scale_is_clipped() -> None:
    assert quantise(np.array([-1.5, -1.0, 0.0, 0.99999, 1.2])).tolist() == [-32768, -32768, 0, 32767, 32767]


def test_what_is_stored_decodes_to_what_was_hashed() -> None:
    pcm: Pcm = np.random.default_rng(0).integers(-32768, 32768, 5000, dtype=np.int16)
    data = encode_flac(pcm)
    samples = samples_of(Audio(bytes=data, path="a.flac"))
    assert samples.dtype == np.float32
    assert pcm_digest(quantise(samples)) == pcm_digest(pcm)
    assert encode_flac(pcm) == data


def test_one_other_sample_is_another_clip() -> None:
    pcm = np.zeros(100, np.int16)
    other = pcm.copy()
    other[50] = 1
    assert pcm_digest(pcm) != pcm_digest(other)


@pytest.mark.parametrize(
    ("data", "reason"), [(flac(make_tone(), rate_hz=8000), "8000 Hz, want 16000"), (b"no audio", "cannot be decoded")]
)
def test_a_clip_that_breaks_its_contract_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(ContractError, match=rf"clip\.flac: .*{reason}"):
        samples_of(Audio(bytes=data, path="clip.flac"))
