"""The same recording in other clothes is found; other recordings are not taken for it."""

import io
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from components.core.audio import Pcm, decode, quantise, resample
from components.core.contracts.records import Clip, RefusedClip
from components.core.corpora.reading import read_corpora
from components.core.fingerprints import BITS, fingerprint
from components.ingest_audio.near_duplicates import MOST_DIFFERENT, NearDuplicates
from pipelines.sample_data import sample_corpora
from tests.builders import make_tone, write_corpus
from tests.components.ingest_audio.making import as_file, ingested


@pytest.fixture(scope="module")
def voices() -> list[Pcm]:
    """Forty real sentences and sounds."""
    recordings = [recording for corpus in read_corpora(sample_corpora()) for recording in corpus.recordings]
    return [quantise(resample(*decode(recording.file))) for recording in islice(recordings, 0, 200, 5)]


def louder(pcm: Pcm) -> Pcm:
    return (pcm // 3).astype(np.int16)


def as_mp3(pcm: Pcm) -> Pcm:
    return quantise(resample(*decode(as_file(pcm, "MP3", "MPEG_LAYER_III"))))


def by_telephone(pcm: Pcm) -> Pcm:
    buffer = io.BytesIO()
    sf.write(buffer, pcm[::2], 8_000, format="WAV", subtype="ULAW")
    return quantise(resample(*decode(buffer.getvalue())))


def padded(pcm: Pcm) -> Pcm:
    return np.pad(pcm, (2000, 4000))


@pytest.mark.parametrize("change", [louder, as_mp3, by_telephone, padded])
def test_most_recordings_are_found_again(voices: list[Pcm], change: Callable[[Pcm], Pcm]) -> None:
    seen = NearDuplicates()
    printed = [(number, found) for number, pcm in enumerate(voices) if (found := fingerprint(pcm))]
    for number, found in printed:
        assert seen.find(found, "") is None, "two of the sample's recordings are one"
        seen.add(found, f"source {number}", f"clip {number}")
    again = {number: seen.find(print_, "") for number, _ in printed if (print_ := fingerprint(change(voices[number])))}
    assert all(found is None or found[0] == f"clip {number}" for number, found in again.items())
    assert sum(found is not None for found in again.values()) >= 0.8 * len(printed)


def test_a_recording_may_sound_like_itself(voices: list[Pcm]) -> None:
    seen, print_ = NearDuplicates(), fingerprint(voices[0])
    assert print_
    seen.add(print_, "tape 1", "first")
    assert seen.find(print_, "tape 1") is None
    assert seen.find(print_, "tape 2") == ("first", 0.0)


def test_the_border_is_where_it_is_said_to_be() -> None:
    bits = np.random.default_rng(0).integers(0, 2, BITS).astype(np.uint8)
    seen = NearDuplicates()
    seen.add(np.packbits(bits).tobytes().hex(), "a", "first")
    for differing, found in ((int(BITS * MOST_DIFFERENT), True), (int(BITS * MOST_DIFFERENT) + 1, False)):
        other = bits.copy()
        other[:differing] ^= 1
        assert (seen.find(np.packbits(other).tobytes().hex(), "b") is not None) is found


@pytest.mark.parametrize(
    "pcm", [quantise(make_tone()), quantise(make_tone(duration_s=0.05)), np.zeros(16_000, np.int16)]
)
def test_what_is_too_even_or_too_short_has_no_print(pcm: Pcm) -> None:
    assert fingerprint(pcm) is None


def test_the_second_of_two_is_refused_with_the_name_of_the_first(tmp_path: Path, voices: list[Pcm]) -> None:
    files = {"a.wav": as_file(voices[0], "WAV", "PCM_16"), "b.mp3": as_file(voices[0], "MP3", "MPEG_LAYER_III")}
    table = "path,split\na.wav,train\nb.mp3,evaluation\n"
    artifact = ingested([write_corpus(tmp_path / "c", files, table=table)], tmp_path)
    (clip,), (refused,) = artifact.read(Clip), artifact.read_quarantine(RefusedClip)
    assert clip.source.path == "a.wav"
    assert (refused.source.path, refused.reason) == ("b.mp3", "near_duplicate")
    assert refused.detail.startswith("sounds like 'test/a.wav'")
